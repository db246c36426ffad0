import { type StorageType, WEIGHT_TYPES } from '../../src/formats/index.ts'
import { CaseBuilder, type ContractCase } from './case.ts'
import { FAST_MATMUL_ERROR } from './matmul-cases.ts'

interface GroupedShape {
  readonly rows: readonly number[]
  readonly k: number
  readonly n: readonly number[]
  readonly type?: StorageType
  readonly hasBias?: boolean
  readonly hasResidual?: boolean
  readonly activation?: 'silu'
}

/** Rows of each expert meet its own matrices. */
function groupedMatmul(shape: GroupedShape): ContractCase {
  const { rows, k, n, type = 'f32', hasBias = false, hasResidual = false, activation } = shape
  const c = new CaseBuilder(`grouped matmul ${type} [${rows}]×${k}×${n}${activation ? ` ${activation}` : ''}`)
  const total = rows.reduce((a, b) => a + b, 0)
  const starts = [0]
  for (const count of rows) starts.push(starts.at(-1)! + count)
  const operands = [
    c.input('x', [total, k]),
    c.indices('groups', starts),
    hasResidual ? c.input('residual', [total, n[0]!]) : undefined,
    ...n.flatMap((columns, i) => [
      c.weight(`w${i}`, [rows.length, columns, k], type, k ** -0.5),
      hasBias ? c.weight(`b${i}`, [rows.length, columns]) : undefined,
    ]),
  ]
  const outputs = c.builder.apply('matmul', 'y', operands, activation ? { activation } : {})
  for (const [i, output] of outputs.entries()) c.builder.output(`y${i}`, output)
  // As of plain products; the activation takes away more of the result than of the error.
  return c.done({}, activation ? 0.02 : FAST_MATMUL_ERROR)
}

const GROUPED: readonly GroupedShape[] = [
  // One token to two of five experts, none to some, more rows than share a pass.
  { rows: [0, 1, 0, 1, 0], k: 32, n: [48, 48] },
  { rows: [1, 3, 0, 40, 6, 9], k: 37, n: [17, 5], hasBias: true, activation: 'silu' },
  { rows: [2, 0, 33, 1], k: 64, n: [7], hasBias: true, hasResidual: true },
  { rows: [0, 0, 4], k: 300, n: [31] },
  ...WEIGHT_TYPES.map((type): GroupedShape => ({ rows: [1, 0, 5, 2, 19], k: 256, n: [24, 40], type, hasBias: true })),
  { rows: [0, 1, 0, 2, 1], k: 2048, n: [80, 80], type: 'q4_k', activation: 'silu' },
  { rows: [1, 0, 60, 2], k: 2880, n: [40], type: 'mxfp4', hasBias: true },
]

interface RouteShape {
  readonly tokens: number
  readonly experts: number
  readonly expertsPerToken: number
  readonly normalize: boolean
  /** All logits are among a few numbers, so that many are equal. */
  readonly hasEquals?: boolean
}

function route(shape: RouteShape): ContractCase {
  const { tokens, experts, hasEquals = false, ...attributes } = shape
  const c = new CaseBuilder(`route ${JSON.stringify(shape)}`)
  const logits = c.input('logits', [tokens, experts], 2)
  if (hasEquals) c.inputs['logits'] = Float32Array.from(c.inputs['logits'] as Float32Array, Math.round)
  for (const [i, output] of c.builder.apply('route', 'route', [logits], attributes).entries())
    c.builder.output(['rows', 'weights', 'groups'][i]!, output)
  return c.done()
}

const ROUTES: readonly RouteShape[] = [
  { tokens: 1, experts: 1, expertsPerToken: 1, normalize: false },
  { tokens: 1, experts: 8, expertsPerToken: 2, normalize: true },
  { tokens: 7, experts: 5, expertsPerToken: 5, normalize: false },
  { tokens: 13, experts: 60, expertsPerToken: 4, normalize: false, hasEquals: true },
  { tokens: 300, experts: 128, expertsPerToken: 8, normalize: true, hasEquals: true },
]

function scatterAdd(tokens: number, perToken: number, width: number): ContractCase {
  const c = new CaseBuilder(`scatter_add ${tokens}·${perToken}×${width}`)
  const count = tokens * perToken
  const rows = c.indices(
    'rows',
    Array.from({ length: count }, (_, i) => (i * 7 + 3) % tokens),
  )
  const operands = [c.input('x', [count, width]), rows, c.input('weights', [count]), c.input('base', [tokens, width])]
  c.builder.output('y', c.builder.op('scatter_add', 'y', operands, {}))
  return c.done()
}

/** Products of experts, the way to them and the way back. */
export const expertCases: readonly ContractCase[] = [
  ...GROUPED.map(groupedMatmul),
  ...ROUTES.map(route),
  scatterAdd(1, 2, 7),
  scatterAdd(5, 3, 129),
  scatterAdd(40, 4, 2048),
]
