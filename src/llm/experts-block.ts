import type { Buffer, MapExpression } from '../program/index.ts'
import type { BlockWriter } from './block-writer.ts'
import type { ExpertsConfig, ExpertsGating } from './decoder-config.ts'

/** Roles of the weights of routed experts: the router's, then those of all experts, stacked. */
export type ExpertsRole = 'router' | 'expertGate' | 'expertUp' | 'expertDown'

/**
 * `residual + Σ weight · expert(x)` over the experts the router chooses for each token: x `[T, D]` → `[T, hidden]`.
 * Source: Shazeer et al. 2017. Taps: `router` (logits), `experts_inner` (rows sorted by expert).
 */
export function expertsBlock<Role extends string>(
  writer: BlockWriter<Role | ExpertsRole>,
  { count, perToken, width, isNormalized, gating, hasRouterBias, hasBias }: ExpertsConfig,
  hidden: number,
  x: Buffer,
  residual: Buffer | undefined,
): Buffer {
  const b = writer.builder
  const columns = x.shape[1] as number
  const router = [writer.weight('router', [count, columns]), hasRouterBias ? writer.bias('router', count) : undefined]
  // A small error of a logit sends a token to another expert.
  const logits = b.op('matmul', writer.name('router'), [x, undefined, undefined, ...router], { precision: 'exact' })
  writer.tap('router', logits)
  const [rows, weights, groups] = b.apply('route', writer.name('route'), [logits], {
    expertsPerToken: perToken,
    normalize: isNormalized,
  }) as [Buffer, Buffer, Buffer]
  const operands = (role: ExpertsRole, size: number, inner: number): (Buffer | undefined)[] => [
    writer.weight(role, [count, size, inner]),
    hasBias ? b.weight(writer.source(role, 'bias'), [count, size]) : undefined,
  ]
  const gathered = b.op('gather', writer.name('expert_inputs'), [x, rows], {})
  const halves = b.apply(
    'matmul',
    writer.name('expert_gate_up'),
    [gathered, groups, undefined, ...operands('expertGate', width, columns), ...operands('expertUp', width, columns)],
    {},
  )
  const inner = writer.map('experts_inner', halves, gatingExpression(gating))
  writer.tap('experts_inner', inner)
  const outputs = b.op('matmul', writer.name('expert_down'), [inner, groups, undefined, ...operands('expertDown', hidden, width)], {})
  const base = residual ?? writer.map('experts_base', [x], ['where', { constant: 0 }, { input: 0 }, { constant: 0 }])
  return b.op('scatter_add', writer.name('experts_output'), [outputs, rows, weights, base], {})
}

/** What happens to gate (input 0) and up (input 1). */
function gatingExpression(gating: ExpertsGating): MapExpression {
  if (typeof gating === 'string') return ['mul', [gating, { input: 0 }], { input: 1 }]
  const { alpha, limit } = gating
  const gate: MapExpression = ['min', { input: 0 }, { constant: limit }]
  const up: MapExpression = ['max', ['min', { input: 1 }, { constant: limit }], { constant: -limit }]
  const swish: MapExpression = ['mul', gate, ['sigmoid', ['mul', gate, { constant: alpha }]]]
  return ['mul', swish, ['add', up, { constant: 1 }]]
}
