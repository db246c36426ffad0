import { WEIGHT_TYPES } from '../../src/formats/index.ts'
import type { OutputActivation, ResidualPlace } from '../../src/program/index.ts'
import { CaseBuilder, type ContractCase } from './case.ts'

/** ‖error‖ / ‖y‖ of a `fast` matmul: activations in 8 bits per 32, or bf16 tiles. */
export const FAST_MATMUL_ERROR = 0.012

interface Shape {
  readonly rows: number
  readonly k: number
  readonly n: number
}

const ODD: readonly Shape[] = [
  { rows: 1, k: 32, n: 1 },
  { rows: 2, k: 96, n: 7 },
  { rows: 3, k: 160, n: 17 },
  { rows: 5, k: 224, n: 33 },
  { rows: 13, k: 64, n: 40 },
  { rows: 37, k: 96, n: 50 },
]

/** Sizes of real models' layers, with few output columns so that the reference stays quick. */
const MODEL_SIZED: readonly Shape[] = [
  { rows: 1, k: 2048, n: 250 },
  { rows: 8, k: 5632, n: 64 },
  { rows: 70, k: 2048, n: 100 },
]

function plain(type: (typeof WEIGHT_TYPES)[number], { rows, k, n }: Shape): ContractCase {
  const c = new CaseBuilder(`matmul ${type} ${rows}x${k}x${n}`, rows + k + n)
  const y = c.builder.op('matmul', 'y', [c.input('x', [rows, k]), undefined, undefined, c.weight('w', [n, k], type, 0.05), undefined], {})
  c.builder.output('y', y)
  // A handful of outputs does not average the error of single products.
  return c.done({}, rows * n < 8 ? 5 * FAST_MATMUL_ERROR : FAST_MATMUL_ERROR)
}

function fused(rows: number): ContractCase {
  const c = new CaseBuilder(`matmul of three weights with biases, ${rows} rows`, rows)
  const operands = (['q8_0', 'q4_k', 'q6_k'] as const).flatMap((type, i) => [
    c.weight(`w${i}`, [16 + 24 * i, 512], type, 0.05),
    c.weight(`b${i}`, [16 + 24 * i]),
  ])
  const outputs = c.builder.apply('matmul', 'y', [c.input('x', [rows, 512]), undefined, undefined, ...operands], {})
  for (const [i, output] of outputs.entries()) c.builder.output(`y${i}`, output)
  return c.done({}, FAST_MATMUL_ERROR)
}

function epilogue(activation: OutputActivation, rows: number, residual: ResidualPlace = 'after_activation'): ContractCase {
  const name = `matmul with bias, ${JSON.stringify(activation)} and residual ${residual}, ${rows} rows`
  const c = new CaseBuilder(name, rows)
  const operands = [
    c.input('x', [rows, 128]),
    undefined,
    c.input('residual', [rows, 45]),
    c.weight('w', [45, 128], 'f16', 0.1),
    c.weight('b', [45]),
  ]
  c.builder.output('y', c.builder.op('matmul', 'y', operands, { activation, residual }))
  return c.done({}, FAST_MATMUL_ERROR)
}

/** One channel a hundred times as large as the others, as language models have; here it meets weights of zero. */
function outlier(): ContractCase {
  const c = new CaseBuilder('matmul of rows with an outlier')
  const [rows, k, n] = [40, 1024, 64]
  const w = c.weight('w', [n, k], 'q8_0', 0.05)
  for (let i = 0; i < n; i++) c.weights['w']!.data[i * k + 77] = 0
  const x = c.input('x', [rows, k])
  for (let i = 0; i < rows; i++) (c.inputs['x'] as Float32Array)[i * k + 77] = 100
  c.builder.output('y', c.builder.op('matmul', 'y', [x, undefined, undefined, w, undefined], {}))
  // Activations in groups of 32 lose the 31 that share a group with the outlier.
  return c.done({}, 5 * FAST_MATMUL_ERROR)
}

/** Rows and columns of a tensor, and a matrix stored the other way round. */
function partsOfTensors(): ContractCase {
  const c = new CaseBuilder('matmul with parts of a stored tensor, some transposed')
  c.weights['all'] = { shape: [96, 64], data: c.numbers(96 * 64), type: 'q4_0' }
  c.weights['turned'] = { shape: [64, 96], data: c.numbers(96 * 64), type: 'f32' }
  const x = c.input('x', [3, 64])
  const weights = [
    c.builder.weight({ tensor: 'all', rows: [32, 80] }, [48, 64]),
    c.builder.weight({ tensor: 'turned', transpose: true, rows: [32, 80] }, [48, 64]),
  ]
  const outputs = c.builder.apply('matmul', 'y', [x, undefined, undefined, weights[0], undefined, weights[1], undefined], {})
  for (const [i, output] of outputs.entries()) c.builder.output(`y${i}`, output)
  return c.done({}, FAST_MATMUL_ERROR)
}

/** A matrix stored the other way round: columns beyond whole panels, and beyond the panels that are packed together. */
function turned(type: 'f32' | 'f16' | 'bf16', { rows, k, n }: Shape): ContractCase {
  const c = new CaseBuilder(`matmul transposed ${type} ${rows}x${k}x${n}`, rows + k + n)
  c.weights['w'] = { shape: [k, n], data: c.numbers(k * n), type }
  const w = c.builder.weight({ tensor: 'w', transpose: true }, [n, k])
  c.builder.output('y', c.builder.op('matmul', 'y', [c.input('x', [rows, k]), undefined, undefined, w, undefined], {}))
  return c.done({}, FAST_MATMUL_ERROR)
}

/** Types made of blocks of 256 need K to be a multiple of it. */
function fits(type: string, k: number): boolean {
  return k % (type.endsWith('_k') || type === 'iq4_xs' ? 256 : 32) === 0
}

const PARAMETRIC: readonly OutputActivation[] = [
  'hard_swish',
  { clip: [0, 0.75] },
  { clip: [-0.5, Number.POSITIVE_INFINITY] },
  { leaky_relu: 0.1 },
  { hard_sigmoid: [0.2, 0.5] },
]

export const matmulCases: readonly ContractCase[] = [
  ...WEIGHT_TYPES.flatMap(type => ODD.filter(({ k }) => fits(type, k)).map(shape => plain(type, shape))),
  ...WEIGHT_TYPES.filter(type => !fits(type, 32)).flatMap(type => ODD.map(({ rows, n }) => plain(type, { rows, n, k: 256 }))),
  ...(['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q4_k', 'q6_k'] as const).flatMap(type => MODEL_SIZED.map(shape => plain(type, shape))),
  plain('f32', { rows: 2, k: 7, n: 5 }),
  plain('f32', { rows: 40, k: 33, n: 35 }),
  ...[1, 4, 40].map(fused),
  ...(['relu', 'silu', 'gelu', 'gelu_tanh', 'sigmoid', 'tanh'] as const).flatMap(activation =>
    [1, 34].map(rows => epilogue(activation, rows)),
  ),
  ...PARAMETRIC.map(activation => epilogue(activation, 3)),
  ...[1, 34].map(rows => epilogue('relu', rows, 'before_activation')),
  epilogue('gelu', 3, 'before_activation'),
  ...(['f32', 'f16', 'bf16'] as const).flatMap(type => [turned(type, { rows: 3, k: 45, n: 35 }), turned(type, { rows: 2, k: 64, n: 304 })]),
  outlier(),
  partsOfTensors(),
]
