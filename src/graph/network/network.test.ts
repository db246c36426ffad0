import { describe, expect, test } from 'vitest'
import { openBackend } from '../../backends/index.ts'
import { type ElementType, HenceError, type Tensor, tensor } from '../../core/index.ts'
import { decodeOnnx, encodeOnnx } from '../../formats/index.ts'
import { CompiledGraph } from '../compiled-graph.ts'
import { importOnnx } from '../import-onnx.ts'
import type { Value } from '../operator.ts'
import { optimize } from '../optimize.ts'
import { LayerBuilder } from './layer-builder.ts'
import type { NetworkValue } from './network-value.ts'

const floats = (shape: readonly number[], ...values: number[]): Tensor<'f32'> => tensor('f32', shape, Float32Array.from(values))
const numbered = (...shape: number[]): Tensor<'f32'> => {
  const length = shape.reduce((a, b) => a * b, 1)
  return tensor(
    'f32',
    shape,
    Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7) / 2),
  )
}

/** The outputs of a network, by way of a file, so that what is built is also what can be written. */
async function run(net: LayerBuilder, inputs: Record<string, Value>): Promise<Tensor<ElementType>[]> {
  const backend = openBackend({ backend: 'reference' })
  const graph = new CompiledGraph(await optimize(importOnnx(decodeOnnx(encodeOnnx(net.toModel())))), backend)
  try {
    return (await graph.run(new Map(Object.entries(inputs)))) as Tensor<ElementType>[]
  } finally {
    graph.dispose()
    backend.dispose()
  }
}

/** What a function of one value makes of `x`. */
async function apply(x: Tensor<ElementType>, layer: (net: LayerBuilder, x: NetworkValue) => NetworkValue): Promise<Tensor<ElementType>> {
  const net = new LayerBuilder('test')
  net.output('y', layer(net, net.input('x', x.dtype, x.shape)))
  return (await run(net, { x }))[0]!
}

const listOf = ({ data }: Tensor<ElementType>): number[] => Array.from(data as Float32Array, Number)

describe('values', () => {
  test('outputs have the names they are given, whatever they are', async () => {
    const net = new LayerBuilder('names')
    const x = net.input('x', 'f32', ['n'])
    const y = net.add(x, 1)
    net.output('y', y)
    net.output('again', y)
    net.output('input', x)
    net.output('constant', floats([1], 7))
    const graph = net.toGraph()
    expect(graph.outputs.map(({ name }) => name)).toEqual(['y', 'again', 'input', 'constant'])
    expect(graph.nodes.map(({ op, inputs, outputs }) => [op, inputs[0], outputs[0]])).toEqual([
      ['Add', 'x', 'y'],
      ['Identity', 'y', 'again'],
      ['Identity', 'x', 'input'],
      ['Identity', expect.stringContaining('constant'), 'constant'],
    ])
    expect((await run(net, { x: floats([2], 1, 2) })).map(listOf)).toEqual([[2, 3], [2, 3], [1, 2], [7]])
  })

  test('a tensor used twice is one constant', () => {
    const net = new LayerBuilder('shared')
    const w = floats([1], 2)
    net.output('y', net.mul(net.add(net.input('x', 'f32', [1]), w), w))
    expect(net.toGraph().initializers.size).toBe(1)
  })

  test.each<[string, (net: LayerBuilder, x: NetworkValue) => unknown, string, string]>([
    ['an unknown operator', (net, x) => net.op('Sotfmax', [x]), 'OPERATOR_UNSUPPORTED', 'no operator Sotfmax; did you mean Softmax?'],
    [
      'a value of another network',
      net => net.relu(new LayerBuilder('b').input('z', 'f32', [])),
      'OPTION_INVALID',
      'belongs to another network',
    ],
    ['a name given twice', net => net.input('x', 'f32', []), 'OPTION_INVALID', 'has two values "x"'],
    ['no outputs', net => net.toModel(), 'GRAPH_INVALID', 'has no outputs'],
    ['a broken axis', (net, x) => net.softmax(x, 0.5), 'OPTION_INVALID', 'attribute axis must be an integer, is 0.5'],
    ['too few strides', (net, x) => net.conv(x, numbered(1, 1, 2, 2), { strides: [1] }), 'OPTION_INVALID', '2 strides are needed, 1 are'],
    [
      'recurrent weights that do not fit',
      (net, x) => net.gru(x, { input: numbered(6, 2), hidden: numbered(6, 3) }),
      'TENSOR_MISMATCH',
      'the hidden weights must be f32 [6, 2]',
    ],
  ])('%s is refused', (_, build, code, message) => {
    const net = new LayerBuilder('a')
    const x = net.input('x', 'f32', ['n'])
    let error: unknown
    try {
      build(net, x)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(HenceError)
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) })
  })
})

describe('layers', () => {
  test('convolution and pooling', async () => {
    const x = floats([1, 1, 3, 3], 1, 2, 3, 4, 5, 6, 7, 8, 9)
    const ones = floats([1, 1, 3, 3], 1, 1, 1, 1, 1, 1, 1, 1, 1)
    expect(listOf(await apply(x, (net, v) => net.conv(v, ones, { pads: 1, bias: floats([1], 1) })))).toEqual([
      13, 22, 17, 28, 46, 34, 25, 40, 29,
    ])
    expect(listOf(await apply(x, (net, v) => net.conv(v, ones, { pads: [1, 1, 0, 0], strides: 2 })))).toEqual([12])
    expect(listOf(await apply(x, (net, v) => net.maxPool(v, [2, 2])))).toEqual([5, 6, 8, 9])
    expect(listOf(await apply(x, (net, v) => net.averagePool(v, [3, 3], { pads: 1, strides: 2, countsPads: true })))).toEqual(
      [12, 16, 24, 28].map(sum => Math.fround(sum / 9)),
    )
    expect((await apply(x, (net, v) => net.convTranspose(v, numbered(1, 2, 2, 2), { strides: 2 }))).shape).toEqual([1, 2, 6, 6])
    expect(listOf(await apply(x, (net, v) => net.globalAveragePool(v)))).toEqual([5])
    expect((await apply(x, (net, v) => net.resize(v, [1, 1, 2, 2]))).shape).toEqual([1, 1, 6, 6])
  })

  test('a linear layer has the weights of PyTorch', async () => {
    const y = await apply(floats([1, 2], 1, 2), (net, x) => net.linear(x, floats([3, 2], 1, 0, 0, 1, 1, 1), floats([3], 0, 0, 10)))
    expect(listOf(y)).toEqual([1, 2, 13])
  })

  test('the gates of a recurrent unit are in the order of PyTorch', async () => {
    const hidden = 2
    const x = numbered(3, 1, 2)
    const weights = {
      input: numbered(6, 2),
      hidden: numbered(6, hidden),
      inputBias: numbered(6),
      hiddenBias: floats([6], 1, 2, 3, 4, 5, 6),
    }
    const dot = (m: Tensor<'f32'>, row: number, v: readonly number[]): number =>
      v.reduce((sum, value, i) => sum + m.data[row * 2 + i]! * value, 0)
    const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v))
    let h = [0, 0]
    for (let t = 0; t < 3; t++) {
      const xt = [...x.data.subarray(2 * t, 2 * t + 2)]
      const [wi, wh] = [0, 1, 2, 3, 4, 5].reduce<[number[], number[]]>(
        ([a, b], row) => [
          [...a, dot(weights.input, row, xt) + weights.inputBias.data[row]!],
          [...b, dot(weights.hidden, row, h) + weights.hiddenBias.data[row]!],
        ],
        [[], []],
      )
      h = h.map((old, i) => {
        const reset = sigmoid(wi[i]! + wh[i]!)
        const update = sigmoid(wi[hidden + i]! + wh[hidden + i]!)
        const next = Math.tanh(wi[2 * hidden + i]! + reset * wh[2 * hidden + i]!)
        return (1 - update) * next + update * old
      })
    }
    const y = await apply(x, (net, v) => net.gru(v, weights).state)
    expect(y.shape).toEqual([1, 2])
    for (const [i, value] of listOf(y).entries()) expect(value).toBeCloseTo(h[i]!, 5)
  })

  test('a long short-term memory goes on from its state', async () => {
    const weights = { input: numbered(8, 3), hidden: numbered(8, 2) }
    const x = numbered(4, 1, 3)
    const whole = await apply(x, (net, v) => net.lstm(v, weights).sequence)
    const parts = await apply(x, (net, v) => {
      const first = net.lstm(net.slice(v, [0], [2], [0]), weights)
      return net.concat([first.sequence, net.lstm(net.slice(v, [2], [4], [0]), weights, first.state).sequence], 0)
    })
    expect(parts.shape).toEqual([4, 1, 2])
    for (const [i, value] of listOf(parts).entries()) expect(value).toBeCloseTo(listOf(whole)[i]!, 6)
  })

  test('attention over equal keys is the mean of the values', async () => {
    const y = await apply(numbered(1, 3, 4), (net, x) => net.attention(net.mul(x, 0), x, x, { heads: 2, headSize: 2 }))
    const { data } = numbered(1, 3, 4)
    for (const [i, value] of listOf(y).entries()) expect(value).toBeCloseTo((data[i % 4]! + data[4 + (i % 4)]! + data[8 + (i % 4)]!) / 3, 5)
  })

  test('attention may be masked', async () => {
    const mask = floats([1, 1, 1, 3], 0, -1e9, -1e9)
    const y = await apply(numbered(1, 3, 4), (net, x) => net.attention(x, x, x, { heads: 2, headSize: 2, mask }))
    for (const [i, value] of listOf(y).entries()) expect(value).toBeCloseTo(numbered(1, 3, 4).data[i % 4]!, 5)
  })

  test('norms, reductions and shapes', async () => {
    const x = floats([2, 2], 1, 3, -2, 2)
    const one = floats([2], 1, 1)
    const close = (got: Tensor<ElementType>, want: readonly number[]): void => {
      for (const [i, value] of listOf(got).entries()) expect(value).toBeCloseTo(want[i]!, 3)
    }
    close(await apply(x, (net, v) => net.layerNorm(v, one)), [-1, 1, -1, 1])
    close(await apply(x, (net, v) => net.rmsNorm(v, one)), [0.447, 1.342, -1, 1])
    close(await apply(x, (net, v) => net.batchNorm(v, { scale: one, bias: one, mean: floats([2], 1, 2), variance: one })), [1, 2, -2, 1])
    close(await apply(x, (net, v) => net.mean(v, [1], false)), [2, 0])
    close(await apply(x, (net, v) => net.silu(v)), [0.731, 2.858, -0.238, 1.762])
    close(await apply(x, (net, v) => net.clip(v, 0, 2)), [1, 2, 0, 2])
    expect(listOf(await apply(x, (net, v) => net.cast(net.argMax(v), 'f32')))).toEqual([1, 1])
    expect(listOf(await apply(x, (net, v) => net.split(v, [1, 1], 0)[1]!))).toEqual([-2, 2])
    expect(listOf(await apply(x, (net, v) => net.split(v, [2], 0)[0]!))).toEqual([1, 3, -2, 2])
    expect((await apply(x, (net, v) => net.pad(v, [1, 0, 0, 1]))).shape).toEqual([3, 3])
    expect(listOf(await apply(tensor('i64', [2], BigInt64Array.of(1n, 0n)), (net, v) => net.embedding(v, x)))).toEqual([-2, 2, 1, 3])
  })

  test('a body sees the values around it', async () => {
    const net = new LayerBuilder('bodies')
    const flag = net.input('flag', 'bool', [])
    const twice = net.mul(net.input('x', 'f32', ['n']), 2)
    net.output('twice', twice)
    const then_branch = net.body('then', body => body.output('r', body.add(twice, 1)))
    const else_branch = net.body('else', body => body.output('s', twice))
    net.output('y', net.op('If', [flag], { then_branch, else_branch }))
    const x = floats([1], 3)
    expect((await run(net, { x, flag: tensor('bool', [], Uint8Array.of(1)) })).map(listOf)).toEqual([[6], [7]])
    expect((await run(net, { x, flag: tensor('bool', [], Uint8Array.of(0)) })).map(listOf)).toEqual([[6], [6]])
  })
})
