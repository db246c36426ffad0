import type { OutputAttributes, QuantisedConvAttributes } from '../../src/program/index.ts'
import { CaseBuilder, type ContractCase } from './case.ts'

type ByteType = 'u8' | 'i8'

const SIGNS: readonly (readonly [ByteType, ByteType])[] = [
  ['u8', 'i8'],
  ['i8', 'i8'],
  ['u8', 'u8'],
  ['i8', 'u8'],
]

/** Builds products of bytes; all of their operands are of the whole range of their types. */
class QuantisedCase extends CaseBuilder {
  #byte(type: ByteType): number {
    return this.rng.below(256) - (type === 'i8' ? 128 : 0)
  }

  bytes(name: string, shape: readonly number[], type: ByteType) {
    const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => this.#byte(type))
    this.inputs[name] = type === 'u8' ? Uint8Array.from(values) : Int8Array.from(values)
    return this.builder.input(name, type, shape)
  }

  byteWeight(name: string, shape: readonly number[], type: ByteType, transpose = false) {
    const count = shape.reduce((a, b) => a * b, 1)
    const stored = transpose ? [...shape].reverse() : shape
    this.weights[name] = { shape: stored, data: Float32Array.from({ length: count }, () => this.#byte(type)), type }
    return this.builder.weight({ tensor: name, transpose }, shape)
  }

  zeros(name: string, count: number, type: ByteType) {
    this.inputs[name] = Float32Array.from({ length: count }, () => this.#byte(type))
    return this.builder.input(name, 'f32', [count])
  }

  constant(name: string, values: readonly number[]) {
    return this.builder.constant(name, { dtype: 'f32', shape: [values.length] }, Float32Array.from(values))
  }
}

/** Sums as whole numbers, which must be equal, and results with everything that can happen to a sum. */
function matmul(m: number, n: number, k: number, [x, w]: readonly [ByteType, ByteType], transpose = false): ContractCase {
  const c = new QuantisedCase(`quantised_matmul ${x} ${w}${transpose ? ' transposed' : ''} ${m}x${n}x${k}`, m + n + k)
  const one = c.constant('one', [1])
  const [input, weight] = [c.bytes('x', [m, k], x), c.byteWeight('w', [n, k], w, transpose)]
  const [xZero, weightZero] = [c.zeros('x zero', 1, x), c.constant('weight zero', [w === 'u8' ? 128 : 0])]
  const [xZeros, weightZeros] = [c.zeros('x zeros', m, x), c.zeros('weight zeros', n, w)]
  const xScales = c.input('x scales', [m], 0.01)
  const weightScales = c.weight('weight scales', [n], 'f32', 0.01)
  const product = (name: string, operands: (typeof one | undefined)[], attributes: OutputAttributes = {}) =>
    c.builder.op('quantised_matmul', name, operands, { weightType: w, ...attributes })
  const whole = (name: string, sum: typeof one): void =>
    c.builder.output(name, c.builder.op('map', name, [sum], { expression: { input: 0 }, dtype: 'i32' }))
  whole('without zero points', product('a', [input, one, undefined, weight, one]))
  whole('with zero points', product('b', [input, one, xZero, weight, one, weightZero]))
  whole('with many zero points', product('c', [input, one, xZeros, weight, one, weightZeros]))
  const bias = c.weight('bias', [n])
  const finished = [input, xScales, xZero, weight, weightScales, weightZeros, bias]
  const y = product('d', finished, { activation: 'gelu' })
  c.builder.output('y', y)
  c.builder.output('z', product('e', [...finished, y], { activation: 'relu', residual: 'before_activation' }))
  return c.done()
}

interface ConvCase extends Omit<QuantisedConvAttributes, 'weightType'> {
  /** `[B, H, W, C]` and `[N, kernel height, kernel width]`. */
  readonly x: readonly [number, number, number, number]
  readonly w: readonly [number, number, number]
}

function conv(name: string, { x, w, ...attributes }: ConvCase, [xType, wType]: readonly [ByteType, ByteType]): ContractCase {
  const c = new QuantisedCase(`quantised_conv ${xType} ${wType} ${name}`, x[1] + w[0])
  const one = c.constant('one', [1])
  const input = c.bytes('x', x, xType)
  const weight = c.byteWeight('w', [...w, x[3] / (attributes.groups ?? 1)], wType)
  const [xZero, weightZeros] = [c.zeros('x zero', 1, xType), c.zeros('weight zeros', w[0], wType)]
  const op = (name: string, operands: (typeof one | undefined)[], more: OutputAttributes = {}) =>
    c.builder.op('quantised_conv', name, operands, { ...attributes, ...more, weightType: wType })
  const sums = op('sums', [input, one, xZero, weight, one, weightZeros])
  c.builder.output('sums', c.builder.op('map', 'whole', [sums], { expression: { input: 0 }, dtype: 'i32' }))
  const weightZero = c.constant('weight zero', [wType === 'u8' ? 128 : 0])
  const operands = [input, c.constant('x scale', [0.02]), xZero, weight, c.weight('scales', [w[0]], 'f32', 0.01), weightZero]
  const plain = op('plain', [...operands, c.weight('bias', [w[0]])])
  c.builder.output('plain', plain)
  c.builder.output('y', op('y', [...operands, undefined, plain], { activation: { clip: [0, 6] }, residual: 'before_activation' }))
  return c.done()
}

/** Odd sizes of everything, and layers of known networks on small images. */
const CONVS: Readonly<Record<string, ConvCase>> = {
  'of one pixel': { x: [1, 1, 1, 1], w: [1, 1, 1] },
  '1x1': { x: [2, 5, 7, 33], w: [18, 1, 1] },
  '1x1 of whole blocks': { x: [1, 8, 8, 128], w: [64, 1, 1] },
  '1x1, stride 2': { x: [1, 8, 9, 24], w: [40, 1, 1], strides: [2, 2] },
  '7x7, stride 2': { x: [1, 30, 28, 3], w: [64, 7, 7], pads: [3, 3, 3, 3], strides: [2, 2] },
  '3x3': { x: [1, 14, 14, 64], w: [64, 3, 3], pads: [1, 1, 1, 1] },
  'with uneven pads, strides and dilations': {
    x: [2, 13, 17, 5],
    w: [19, 3, 2],
    pads: [0, 3, 2, 1],
    strides: [1, 2],
    dilations: [2, 3],
  },
  'smaller than its pads': { x: [1, 2, 2, 4], w: [3, 3, 5], pads: [3, 4, 3, 4] },
  'of a signal': { x: [1, 1, 50, 80], w: [48, 1, 3], pads: [0, 1, 0, 1] },
  'in 2 groups': { x: [1, 6, 7, 40], w: [40, 3, 3], groups: 2, pads: [1, 1, 1, 1] },
  'in 8 groups of 4, stride 2': { x: [2, 9, 8, 32], w: [32, 3, 3], groups: 8, pads: [1, 1, 1, 1], strides: [2, 2] },
  depthwise: { x: [1, 15, 16, 40], w: [40, 3, 3], groups: 40, pads: [1, 1, 1, 1] },
  'depthwise 5x5': { x: [2, 14, 14, 17], w: [17, 5, 5], groups: 17, pads: [2, 2, 2, 2] },
  'depthwise, dilated': { x: [1, 12, 33, 16], w: [16, 3, 3], groups: 16, pads: [3, 2, 3, 2], dilations: [3, 2] },
  'depthwise, stride 2, in bands': { x: [1, 61, 65, 48], w: [48, 3, 3], groups: 48, pads: [0, 0, 1, 1], strides: [2, 2] },
  'depthwise, two filters a channel': { x: [1, 8, 9, 12], w: [24, 3, 3], groups: 12, pads: [1, 1, 1, 1] },
  'depthwise, of many taps': { x: [1, 70, 9, 5], w: [5, 66, 4], groups: 5 },
}

/** Rows and images counted when the program runs. */
function symbolic(): ContractCase {
  const c = new QuantisedCase('quantised products of sizes known at run time')
  const rows = { kind: 'bound', name: 'M' } as const
  const x = c.builder.input('x', 'u8', [rows, 96])
  const image = c.builder.input('image', 'i8', [rows, 5, 5, 8])
  const [scales, one] = [c.builder.input('scales', 'f32', [rows]), c.constant('one', [1])]
  c.builder.output(
    'y',
    c.builder.op('quantised_matmul', 'y', [x, scales, undefined, c.byteWeight('w', [40, 96], 'i8'), one], { weightType: 'i8' }),
  )
  for (const [name, groups] of [
    ['dense', 1],
    ['depthwise', 8],
  ] as const) {
    const weight = c.byteWeight(name, [8, 3, 3, 8 / groups], 'u8')
    const attributes = { groups, pads: [1, 1, 1, 1], weightType: 'u8' } as const
    c.builder.output(name, c.builder.op('quantised_conv', name, [image, one, undefined, weight, one], attributes))
  }
  const steps = [40, 1, 0, 7].map(count => ({
    inputs: {
      x: Uint8Array.from({ length: count * 96 }, (_, i) => i * 37),
      image: Int8Array.from({ length: count * 200 }, (_, i) => i * 91),
      scales: c.numbers(count),
    },
    dims: { M: count },
  }))
  return { ...c.done({ M: 40 }), steps }
}

const MATMULS = [
  [1, 1, 1],
  [1, 65, 63],
  [3, 17, 65],
  [7, 3, 17],
  [9, 63, 3],
  [17, 17, 128],
  [63, 65, 65],
  [65, 33, 200],
] as const

const MODEL_MATMULS = [
  [1, 384, 1536],
  [128, 384, 384],
  [70, 48, 4096],
  [300, 96, 96],
] as const

export const quantisedCases: readonly ContractCase[] = [
  ...MATMULS.flatMap(([m, n, k]) => SIGNS.map(signs => matmul(m, n, k, signs))),
  ...MODEL_MATMULS.map(([m, n, k], i) => matmul(m, n, k, SIGNS[i]!)),
  ...SIGNS.map(signs => matmul(5, 37, 70, signs, true)),
  ...Object.entries(CONVS).flatMap(([name, c], i) => [conv(name, c, SIGNS[i % 4]!), conv(name, c, SIGNS[(i + 1) % 4]!)]),
  symbolic(),
]
