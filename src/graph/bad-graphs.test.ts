/** Graphs whose attributes, shapes or indices make no sense: refused by node, operator and numbers, whatever would have run them. */
import { afterAll, describe, expect, test } from 'vitest'
import { modelOf } from '../../test/graph-models.ts'
import { openBackend, targets } from '../backends/index.ts'
import { type ElementType, isHenceError, type Tensor, tensor } from '../core/index.ts'
import type { OnnxAttribute, OnnxModel } from '../formats/index.ts'
import { CompiledGraph } from './compiled-graph.ts'
import { importOnnx } from './import-onnx.ts'
import { optimize } from './optimize.ts'

type Tensors = Readonly<Record<string, Tensor<ElementType>>>

interface BadNode {
  readonly op: string
  /** Operands given at every run, then those the file knows. */
  readonly given: Tensors
  readonly known: Tensors
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
  readonly outputs: readonly string[]
}

const HUGE = 2 ** 40
const ints = (...value: number[]): OnnxAttribute => ({ type: 'ints', value })
const int = (value: number): OnnxAttribute => ({ type: 'int', value })
const text = (value: string): OnnxAttribute => ({ type: 'string', value })
const f32 = (...shape: number[]): Tensor<'f32'> =>
  tensor('f32', shape, new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(0.5))
const floats = (...data: number[]): Tensor<'f32'> => tensor('f32', [data.length], Float32Array.from(data))
const u8 = (...shape: number[]): Tensor<'u8'> => tensor('u8', shape)
const i64 = (...data: number[]): Tensor<'i64'> => tensor('i64', [data.length], BigInt64Array.from(data, BigInt))
const whole = (value: number): Tensor<'i64'> => tensor('i64', [], BigInt64Array.of(BigInt(value)))
const index = (value: number): Tensor<'i64'> => tensor('i64', [1, 1], BigInt64Array.of(BigInt(value)))

function bad(op: string, given: Tensors, known: Tensors = {}, attributes: BadNode['attributes'] = {}, outputs = ['y']): BadNode {
  return { op, given, known, attributes, outputs }
}

const image = { x: f32(1, 2, 5, 5) }
const filters = { w: f32(2, 2, 3, 3) }
const table = { x: f32(2, 3) }
const noRegion = floats()

const CONVOLUTIONS = ['Conv', 'ConvTranspose'].flatMap(op =>
  [
    { strides: ints(0, 1) },
    { strides: ints(-1, 1) },
    { strides: ints(1) },
    { pads: ints(-9, 0, 0, 0) },
    { pads: ints(HUGE, HUGE, HUGE, HUGE) },
    { pads: ints(1, 1, 1) },
    { dilations: ints(0, 1) },
    { dilations: ints(HUGE, HUGE) },
    { group: int(0) },
    { group: int(-2) },
    { group: int(3) },
    { kernel_shape: ints(2, 2) },
    { auto_pad: text('SOME') },
  ].map(attributes => bad(op, image, filters, attributes)),
)

const TRANSPOSED = [
  { strides: ints(HUGE, HUGE) },
  { output_padding: ints(HUGE, 0) },
  { output_padding: ints(-1, 0) },
  { output_shape: ints(HUGE, HUGE) },
  { output_shape: ints(-4, 2) },
].map(attributes => bad('ConvTranspose', image, filters, attributes))

const WINDOWS = ['MaxPool', 'AveragePool', 'LpPool'].flatMap(op =>
  [
    { kernel_shape: ints(0, 0) },
    { kernel_shape: ints(-1, 2) },
    { kernel_shape: ints(9, 9) },
    { kernel_shape: ints(2) },
    { kernel_shape: ints(2, 2), strides: ints(0, 1) },
    { kernel_shape: ints(2, 2), strides: ints(-1, 1) },
    { kernel_shape: ints(2, 2), pads: ints(HUGE, 0, 0, 0) },
    { kernel_shape: ints(HUGE, HUGE), pads: ints(HUGE, HUGE, HUGE, HUGE) },
    { kernel_shape: ints(2, 2), dilations: ints(0, 0) },
    { kernel_shape: ints(2, 2), auto_pad: text('SOME') },
  ].map(attributes => bad(op, image, {}, attributes)),
)

const MOVED = [
  bad('Pad', table, { p: i64(0, HUGE, 0, HUGE) }),
  bad('Pad', table, { p: i64(0, HUGE, 0, HUGE) }, { mode: text('edge') }),
  bad('Pad', table, { p: i64(0, -9, 0, 0) }),
  bad('Pad', table, { p: i64(1, 1) }),
  bad('Pad', table, { p: i64(0, 1, 0, 1) }, { mode: text('sideways') }),
  bad('Expand', { x: f32(2, 1) }, { s: i64(2, HUGE) }),
  bad('Expand', { x: f32(2, 1) }, { s: i64(2, -7) }),
  bad('Expand', table, { s: i64(4) }),
  bad('Tile', table, { r: i64(HUGE, HUGE) }),
  bad('Tile', table, { r: i64(-1, 1) }),
  bad('Reshape', table, { s: i64(4, 2) }),
  bad('Reshape', table, { s: i64(-1, -1) }),
  bad('Reshape', table, { s: i64(-1, 4) }),
  bad('Reshape', table, { s: i64(2, 3, 0) }),
  bad('Reshape', { ...table, s: i64(-2, -3) }),
  bad('Transpose', table, {}, { perm: ints(0, 0) }),
  bad('Transpose', table, {}, { perm: ints(0, 2) }),
  bad('Transpose', table, {}, { perm: ints(0) }),
  bad('Transpose', { x: f32(2, 3, 4, 5) }, {}, { perm: ints(0, 0, 1, 2) }),
  bad('Slice', table, { b: i64(0), e: i64(1), a: i64(1), s: i64(0) }),
  bad('Slice', table, { b: i64(0), e: i64(1), a: i64(7) }),
  bad('Slice', table, { b: i64(0, 1), e: i64(1) }),
  bad('Split', table, { s: i64(1, 1) }, { axis: int(1) }, ['y', 'z']),
  bad('Split', table, { s: i64(-1, 4) }, { axis: int(1) }, ['y', 'z']),
  bad('Split', table, {}, { axis: int(9) }, ['y', 'z']),
  bad('Concat', { ...table, z: f32(3, 3) }, {}, { axis: int(1) }),
  bad('Concat', { ...table, z: f32(2, 3) }, {}, { axis: int(5) }),
  bad('Concat', { ...table, z: f32(2, 3, 1) }, {}, { axis: int(0) }),
  bad('Squeeze', table, { a: i64(0) }),
  bad('Unsqueeze', table, { a: i64(9) }),
  bad('Flatten', table, {}, { axis: int(5) }),
  bad('DepthToSpace', { x: f32(1, 4, 2, 2) }, {}, { blocksize: int(0) }),
  bad('DepthToSpace', { x: f32(1, 4, 2, 2) }, {}, { blocksize: int(3) }),
  bad('SpaceToDepth', { x: f32(1, 4, 2, 2) }, {}, { blocksize: int(-2) }),
  bad('Resize', { x: f32(1, 1, 2, 2) }, { r: noRegion, s: floats(1, 1, 1e18, 1e18) }),
  bad('Resize', { x: f32(1, 1, 2, 2) }, { r: noRegion, s: floats(1, 1, -1, Number.NaN) }),
]

const CHOSEN = [
  bad('Gather', table, { i: i64(9) }),
  bad('Gather', { ...table, i: i64(9) }),
  bad('Gather', { ...table, i: i64(-3) }),
  bad('Gather', table, { i: i64(0) }, { axis: int(4) }),
  bad('Gather', { ...table, i: i64(5) }, {}, { axis: int(1) }),
  bad('GatherElements', { ...table, i: index(9) }),
  bad('GatherND', { ...table, i: i64(5, 0) }),
  bad('GatherND', { ...table, i: i64(0, 0, 0) }),
  bad('ScatterElements', { ...table, i: index(9), u: f32(1, 1) }),
  bad('ScatterND', { ...table, i: index(9), u: f32(1, 3) }),
  bad('ScatterND', { ...table, i: index(0), u: f32(1, 4) }),
  bad('TopK', table, { k: i64(7) }, {}, ['y', 'z']),
  bad('TopK', table, { k: i64(-1) }, {}, ['y', 'z']),
  bad('OneHot', { x: i64(0) }, { d: whole(2 ** 50), v: f32(2) }),
  bad('RoiAlign', { x: f32(1, 1, 4, 4), r: f32(1, 4), b: i64(5) }),
]

const COMPUTED = [
  bad('MatMul', { ...table, z: f32(2, 3) }),
  bad('MatMul', { x: f32(2, 2, 3), z: f32(3, 3, 3) }),
  bad('MatMul', table, { w: f32(2, 3) }),
  bad('MatMulInteger', { x: u8(2, 3) }, { w: u8(2, 3) }),
  bad('Gemm', table, { w: f32(4, 4) }),
  bad('Gemm', table, { w: f32(3, 4), b: f32(5) }),
  bad('Einsum', { ...table, z: f32(2, 3) }, {}, { equation: text('ij,jk->ik') }),
  bad('Add', { ...table, z: f32(2, 4) }),
  bad('Add', table, { b: f32(4) }),
  bad('PRelu', table, { s: f32(2, 4) }),
  bad('ArgMax', table, {}, { axis: int(9) }),
  bad('ReduceSum', table, { a: i64(9) }),
  bad('ReduceSum', table, { a: i64(0, 0) }),
  bad('Softmax', table, {}, { axis: int(9) }),
  bad('CumSum', table, { a: whole(5) }),
  bad('LayerNormalization', table, { s: f32(4) }),
  bad('LayerNormalization', table, { s: f32(3) }, { axis: int(7) }),
  bad('BatchNormalization', { x: f32(2, 3, 2) }, { s: f32(4), b: f32(4), m: f32(4), v: f32(4) }),
  bad('InstanceNormalization', { x: f32(2, 3, 2) }, { s: f32(4), b: f32(4) }),
  bad('GroupNormalization', { x: f32(2, 3, 2) }, { s: f32(3), b: f32(3) }, { num_groups: int(2) }),
  bad('GroupNormalization', { x: f32(2, 3, 2) }, { s: f32(3), b: f32(3) }, { num_groups: int(0) }),
  bad('LpNormalization', table, {}, { axis: int(3) }),
  bad('MeanVarianceNormalization', table, {}, { axes: ints(5) }),
  bad('LSTM', { x: f32(2, 1, 3) }, { w: f32(1, 8, 3), r: f32(1, 8, 2) }, { hidden_size: int(-2) }),
  bad('LSTM', { x: f32(2, 1, 3) }, { w: f32(1, 8, 4), r: f32(1, 8, 2) }, { hidden_size: int(2) }),
  bad('GRU', { x: f32(2, 1, 3) }, { w: f32(1, 8, 3), r: f32(1, 8, 2) }, { hidden_size: int(2) }),
  bad('DFT', { x: f32(1, 4, 1) }, { n: whole(HUGE) }),
  bad('STFT', { x: f32(1, 8, 1) }, { s: whole(0), w: f32(4) }),
  bad('STFT', { x: f32(1, 8, 1) }, { s: whole(2), w: f32(16) }),
  bad('QuantizeLinear', table, { s: f32(4), z: u8(4) }, { axis: int(1) }),
  bad('DequantizeLinear', { x: u8(2, 3) }, { s: f32(4) }, { axis: int(1) }),
  bad('Attention', { q: f32(1, 2, 3, 4), k: f32(1, 2, 3, 5), v: f32(1, 2, 3, 4) }),
]

const MADE = [
  bad('ConstantOfShape', {}, { s: i64(HUGE, HUGE) }),
  bad('ConstantOfShape', { s: i64(-1) }),
  bad('Range', { a: whole(0), b: whole(HUGE), c: whole(1) }),
  bad('Range', { a: whole(0), b: whole(9), c: whole(0) }),
  bad('RandomNormal', {}, {}, { shape: ints(HUGE, HUGE) }),
  bad('Cast', table, {}, { to: int(999) }),
]

function modelWith({ op, given, known, attributes, outputs }: BadNode): OnnxModel {
  const names = [...Object.keys(given), ...Object.keys(known)]
  const dtypes = Object.fromEntries(Object.entries(given).map(([name, { dtype }]) => [name, dtype]))
  return modelOf([{ op, inputs: names, outputs, attributes }], { inputs: dtypes, outputs, constants: known, opset: 23 })
}

describe.each(targets().length > 0 ? (['reference', 'native'] as const) : (['reference'] as const))('on %s', name => {
  const backend = openBackend({ backend: name, threads: 1 })
  afterAll(() => backend.dispose())

  test.each(
    [...CONVOLUTIONS, ...TRANSPOSED, ...WINDOWS, ...MOVED, ...CHOSEN, ...COMPUTED, ...MADE].map(node => {
      const facts = Object.entries(node.attributes).map(([key, { value }]) => `${key}=${value}`)
      const operands = [...Object.values(node.given), ...Object.values(node.known)].map(({ dtype, shape }) => `${dtype}[${shape}]`)
      return [[node.op, ...operands, ...facts].join(' '), node] as const
    }),
  )('%s', async (_, node) => {
    await expectRefusal(modelWith(node), node.given, `${node.op} "node0"`)
  })

  test('nodes that rules have joined are called what the file calls the first', async () => {
    const nodes = [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['a'] },
      { op: 'Add', inputs: ['a', 'b'], outputs: ['c'] },
      { op: 'Relu', inputs: ['c'], outputs: ['y'] },
    ]
    const model = modelOf(nodes, { inputs: { x: 'f32' }, outputs: ['y'], constants: { w: f32(4, 5), b: f32(5) } })
    expect((await optimize(importOnnx(model))).nodes).toHaveLength(1)
    await expectRefusal(model, table, 'MatMul "node0"')
  })

  async function expectRefusal(model: OnnxModel, given: Tensors, label: string): Promise<void> {
    let graph: CompiledGraph | undefined
    try {
      graph = new CompiledGraph(await optimize(importOnnx(model)), backend)
      await graph.run(new Map(Object.entries(given)))
      expect.unreachable('it ran')
    } catch (error) {
      if (!isHenceError(error)) throw error
      expect(['GRAPH_INVALID', 'SHAPE_MISMATCH', 'OUT_OF_MEMORY', 'OPERATOR_UNSUPPORTED']).toContain(error.code)
      expect(error.message).toContain(label)
    } finally {
      graph?.dispose()
    }
  }
})
