import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allocate, type ElementType, elementCount } from '../../core/index.ts'
import { decodeOnnx } from './decode-onnx.ts'
import { onnxElementType } from './element-types.ts'
import { encodeOnnx, writeOnnx } from './encode-onnx.ts'
import type { OnnxAttribute, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxType } from './model.ts'
import { openOnnx } from './open-onnx.ts'

const DTYPES = Array.from({ length: 27 }, (_, code) => onnxElementType(code)?.dtype).filter(dtype => dtype !== undefined)

const name = fc.string({ minLength: 1, maxLength: 8 })
const int = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.constant(0))
const float = fc.float({ noNaN: true }).map(Math.fround)
const shape = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 })

/** A tensor of any type with random bits that are valid for it. */
const tensor: fc.Arbitrary<OnnxTensor> = fc.record({ dtype: fc.constantFrom(...DTYPES), shape, seed: fc.nat() }).map(randomTensor)

function randomTensor({ dtype, shape, seed }: { dtype: ElementType; shape: readonly number[]; seed: number }): OnnxTensor {
  const data = allocate(dtype, elementCount(shape) * (dtype === 'c64' || dtype === 'c128' ? 2 : 1))
  for (let i = 0; i < data.length; i++) {
    const bits = (seed * (i + 1) * 2_654_435_761) % 2 ** 31
    if (dtype === 'string') data[i] = bits.toString(36)
    else if (dtype === 'i64') data[i] = BigInt(bits) - 2n ** 30n
    else if (dtype === 'u64') data[i] = BigInt(bits) * 2n ** 32n
    else if (dtype === 'bool' || dtype === 'i2') data[i] = bits % 2
    else if (dtype === 'u2') data[i] = bits % 4
    else if (dtype === 'i4') data[i] = (bits % 16) - 8
    else if (dtype === 'u4' || dtype === 'f4e2m1') data[i] = bits % 16
    else data[i] = bits - 2 ** 30
  }
  return { dtype, shape, data }
}

const indices: OnnxTensor = { dtype: 'i64', shape: [2], data: BigInt64Array.of(0n, 3n) }
const sparse = fc.constant({ values: { dtype: 'f32', shape: [2], data: Float32Array.of(1, -2) } as OnnxTensor, indices, shape: [2, 2] })

const { type } = fc.letrec<{ type: OnnxType }>(tie => ({
  type: fc.oneof(
    { maxDepth: 3 },
    fc.record({
      kind: fc.constantFrom('tensor' as const, 'sparse-tensor' as const),
      dtype: fc.option(fc.constantFrom(...DTYPES), { nil: undefined }),
      shape: fc.option(fc.array(fc.oneof(fc.nat(), name, fc.constant(undefined)), { maxLength: 4 }), { nil: undefined }),
    }),
    fc.record({ kind: fc.constantFrom('sequence' as const, 'optional' as const), element: tie('type') }),
    fc.record({ kind: fc.constant('map' as const), key: fc.constantFrom('i64' as const, 'string' as const), value: tie('type') }),
  ),
}))

const info = fc.record({ name, type: fc.option(type, { nil: undefined }) })

function graphs(depth: number): fc.Arbitrary<OnnxGraph> {
  return fc
    .record({
      name: fc.string(),
      nodes: fc.array(nodes(depth), { maxLength: 3 }),
      inputs: fc.array(info, { maxLength: 2 }),
      outputs: fc.array(info, { maxLength: 2 }),
      values: fc.array(info, { maxLength: 2 }),
      initializers: fc.array(fc.tuple(name, tensor), { maxLength: 3 }).map(entries => new Map(entries)),
    })
    .map(graph => ({ ...graph, inputs: graph.inputs.filter(input => !graph.initializers.has(input.name)) }))
}

function attributes(depth: number): fc.Arbitrary<Record<string, OnnxAttribute>> {
  const of = <T extends OnnxAttribute['type'], V>(type: T, value: fc.Arbitrary<V>): fc.Arbitrary<{ type: T; value: V }> =>
    fc.record({ type: fc.constant(type), value })
  const list = <V>(value: fc.Arbitrary<V>): fc.Arbitrary<V[]> => fc.array(value, { maxLength: 3 })
  const simple = fc.oneof(
    of('float', float),
    of('int', int),
    of('string', fc.string()),
    of('tensor', tensor),
    of('sparse-tensor', sparse),
    of('value-type', type),
    of('floats', list(float)),
    of('ints', list(int)),
    of('strings', list(fc.string())),
    of('tensors', list(tensor)),
    of('sparse-tensors', list(sparse)),
    of('value-types', list(type)),
    of('reference', name),
  ) as fc.Arbitrary<OnnxAttribute>
  const any = depth === 0 ? simple : fc.oneof(simple, of('graph', graphs(depth - 1)), of('graphs', list(graphs(depth - 1))))
  return fc.dictionary(name, any as fc.Arbitrary<OnnxAttribute>, { maxKeys: 3, noNullPrototype: true })
}

function nodes(depth: number): fc.Arbitrary<OnnxNode> {
  return fc.record(
    {
      name: fc.string(),
      domain: fc.constantFrom('', 'com.microsoft'),
      op: name,
      overload: name,
      inputs: fc.array(fc.string(), { maxLength: 3 }),
      outputs: fc.array(fc.string(), { maxLength: 3 }),
      attributes: attributes(depth),
    },
    { requiredKeys: ['name', 'domain', 'op', 'inputs', 'outputs', 'attributes'] },
  )
}

const opsets = fc.dictionary(fc.constantFrom('', 'com.microsoft', 'ai.onnx.ml'), fc.integer({ min: 1, max: 30 }), {
  minKeys: 1,
  noNullPrototype: true,
})

const functions: fc.Arbitrary<OnnxFunction> = fc.record(
  {
    domain: fc.constantFrom('', 'mine'),
    name,
    overload: name,
    inputs: fc.array(fc.string(), { maxLength: 2 }),
    outputs: fc.array(fc.string(), { maxLength: 2 }),
    attributes: fc.array(name, { maxLength: 2 }),
    defaults: attributes(0),
    nodes: fc.array(nodes(0), { maxLength: 2 }),
    opsets: opsets.map(entries => new Map(Object.entries(entries))),
  },
  { requiredKeys: ['domain', 'name', 'inputs', 'outputs', 'attributes', 'defaults', 'nodes', 'opsets'] },
)

const models: fc.Arbitrary<OnnxModel> = fc.record({
  irVersion: fc.integer({ min: 1, max: 12 }),
  producer: fc.string(),
  opsets: opsets.map(entries => new Map(Object.entries(entries))),
  graph: graphs(2),
  functions: fc.array(functions, { maxLength: 2 }),
  metadata: fc.dictionary(name, fc.string(), { maxKeys: 2 }).map(entries => new Map(Object.entries(entries))),
  files: fc.constant([]),
})

function modelWith(graph: Partial<OnnxGraph>): OnnxModel {
  return {
    irVersion: 10,
    producer: '',
    opsets: new Map([['', 21]]),
    graph: { name: 'g', nodes: [], inputs: [], outputs: [], values: [], initializers: new Map(), ...graph },
    functions: [],
    metadata: new Map(),
    files: [],
  }
}

describe('encodeOnnx', () => {
  test('what is written is read again', () => {
    fc.assert(
      fc.property(models, model => {
        const { graph, ...rest } = decodeOnnx(encodeOnnx(model))
        // The first versions of the format list all initializers among the inputs.
        const { defaults = [], ...plain } = graph
        expect({ ...rest, graph: model.irVersion < 4 ? plain : graph }).toEqual(model)
        if (model.irVersion < 4) expect(defaults.map(({ name }) => name)).toEqual([...model.graph.initializers.keys()])
      }),
      { numRuns: 300 },
    )
  })

  test.each(DTYPES)('a tensor of %s', dtype => {
    const initializers = new Map([['w', randomTensor({ dtype, shape: [3, 5], seed: 77 })]])
    expect(decodeOnnx(encodeOnnx(modelWith({ initializers }))).graph.initializers).toEqual(initializers)
  })

  test('an integer that stands for the end', () => {
    const attributes = { ends: { type: 'ints' as const, value: [2 ** 63, -(2 ** 63)] } }
    const node = { name: '', domain: '', op: 'Slice', inputs: [], outputs: [], attributes }
    expect(decodeOnnx(encodeOnnx(modelWith({ nodes: [node] }))).graph.nodes).toEqual([node])
  })

  test('a tensor with too few elements is refused', () => {
    const initializers = new Map([['w', { dtype: 'f32' as const, shape: [3], data: new Float32Array(2) }]])
    expect(() => encodeOnnx(modelWith({ initializers }))).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })
})

test('writeOnnx writes the same bytes, long tensors among short ones', async () => {
  const floats = (length: number): OnnxTensor => ({ dtype: 'f32', shape: [length], data: Float32Array.from({ length }, (_, i) => i) })
  const model = modelWith({ initializers: new Map([10, 5000, 3, 1024, 1023].map(length => [`w${length}`, floats(length)])) })
  const path = join(mkdtempSync(join(tmpdir(), 'hence-onnx-')), 'm.onnx')
  await writeOnnx(path, model)
  expect(new Uint8Array(readFileSync(path))).toEqual(encodeOnnx(model))
  expect((await openOnnx(path)).graph).toEqual(model.graph)
})
