import { HenceError } from '../../core/index.ts'
import type { BufferType } from '../buffer.ts'
import { agree, check, f32, i32, knownDim, type Op, operand } from '../op.ts'

/** Cells of recurrent nets and the gates each has, in the order of their rows. */
export const RECURRENT_GATES = {
  /** input, output, forget, cell */
  lstm: 4,
  /** update, reset, hidden */
  gru: 3,
  rnn: 1,
} as const

export type RecurrentKind = keyof typeof RECURRENT_GATES

/** A function of a gate by its name, with the parameters it has. */
export interface RecurrentActivation {
  readonly name: keyof typeof RECURRENT_ACTIVATIONS
  readonly alpha?: number
  readonly beta?: number
}

/** The definitions of the gates' functions. */
export const RECURRENT_ACTIVATIONS = {
  relu: (x: number): number => Math.max(0, x),
  tanh: (x: number): number => Math.tanh(x),
  sigmoid: (x: number): number => 1 / (1 + Math.exp(-x)),
  softsign: (x: number): number => x / (1 + Math.abs(x)),
  softplus: (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  affine: (x: number, alpha: number, beta: number): number => alpha * x + beta,
  leaky_relu: (x: number, alpha: number): number => (x >= 0 ? x : alpha * x),
  thresholded_relu: (x: number, alpha: number): number => (x >= alpha ? x : 0),
  scaled_tanh: (x: number, alpha: number, beta: number): number => alpha * Math.tanh(beta * x),
  hard_sigmoid: (x: number, alpha: number, beta: number): number => Math.min(Math.max(alpha * x + beta, 0), 1),
  elu: (x: number, alpha: number): number => (x >= 0 ? x : alpha * Math.expm1(x)),
} as const

export interface RecurrentAttributes {
  readonly kind: RecurrentKind
  /** Of the gates, of the candidate (lstm, gru), of the cell where it leaves (lstm). */
  readonly activations: readonly RecurrentActivation[]
  /** What goes into an activation is held within ± this. */
  readonly clip?: number
  /** From the last step to the first. */
  readonly reversed?: boolean
  /** gru: the reset gate scales the product with the state, not the state. */
  readonly linearBeforeReset?: boolean
  /** lstm: the forget gate is one minus the input gate. */
  readonly couplesInputForget?: boolean
}

const OP = 'recurrent'

/**
 * One direction of a recurrent layer: all steps one after the other. `x` is the input's share of the gates with all biases,
 * `[T, B, gates · H]`; `r` the weights of the state, `[gates · H, H]`. Of a gru with linearBeforeReset `hiddenBias` `[H]` is
 * added to the product the reset gate scales. `peepholes` `[3 · H]` weigh the cell of an lstm on input, output and forget.
 * `lengths` `[B]` i32 are clamped to 0 … T: a sequence that has ended keeps its state, its further outputs are zero.
 *
 * Outputs: all states `[T, B, H]`, the last state `[B, H]`, of an lstm the last cell `[B, H]`.
 */
export const recurrent: Op<RecurrentAttributes> = {
  name: OP,
  operands: ['x', 'r', 'hiddenBias?', 'initialState?', 'initialCell?', 'peepholes?', 'lengths?'],
  infer([x, r, hiddenBias, state, cell, peepholes, lengths], { kind, activations, clip }) {
    const gates = RECURRENT_GATES[kind]
    check(gates !== undefined, OP, `unknown kind ${kind}`)
    check(activations.length === Math.min(gates, 3) - (kind === 'gru' ? 1 : 0), OP, `${activations.length} activations for ${kind}`)
    for (const { name } of activations) check(name in RECURRENT_ACTIVATIONS, OP, `unknown activation ${name}`)
    check(clip === undefined || clip > 0, OP, `cannot clip to ${clip}`)
    const [time, batch, width] = operand(OP, 'x', x, 'f32', 3).shape
    const hidden = knownDim(OP, 'the hidden size', operand(OP, 'r', r, 'f32', 2).shape[1])
    agree(OP, 'rows of r and gates', r!.shape[0]!, gates * hidden)
    agree(OP, 'x and gates', width!, gates * hidden)
    const optional = (name: string, type: BufferType | undefined, shape: BufferType['shape']): void => {
      if (type) for (const [axis, size] of operand(OP, name, type, 'f32', shape.length).shape.entries()) agree(OP, name, size, shape[axis]!)
    }
    optional('hiddenBias', hiddenBias, [hidden])
    optional('initialState', state, [batch!, hidden])
    optional('initialCell', cell, [batch!, hidden])
    optional('peepholes', peepholes, [3 * hidden])
    if (lengths) agree(OP, 'lengths', operand(OP, 'lengths', lengths, 'i32', 1).shape[0]!, batch!)
    const last: BufferType = { dtype: 'f32', shape: [batch!, hidden] }
    return [{ dtype: 'f32', shape: [time!, batch!, hidden] }, last, ...(kind === 'lstm' ? [last] : [])]
  },
  run({ inputs, outputs, attributes }) {
    const [time, batch] = inputs[0]!.shape as [number, number]
    const hidden = inputs[1]!.shape[1]!
    const given = inputs[6] && i32(inputs[6])
    const cells = outputs[2] && f32(outputs[2])
    const [y, last] = [f32(outputs[0]), f32(outputs[1])]
    y.fill(0)
    for (let b = 0; b < batch; b++) {
      const from = (position: number): Float64Array =>
        inputs[position] ? Float64Array.from(f32(inputs[position]).subarray(b * hidden, (b + 1) * hidden)) : new Float64Array(hidden)
      const [h, c] = [from(3), from(4)]
      const step = stepOf(
        inputs.map(input => (input?.dtype === 'f32' ? f32(input) : undefined)),
        hidden,
        attributes,
      )
      const steps = given ? Math.min(Math.max(given[b]!, 0), time) : time
      for (let at = 0; at < steps; at++) {
        const t = attributes.reversed ? steps - 1 - at : at
        step(t * batch + b, h, c)
        y.set(h, (t * batch + b) * hidden)
      }
      last.set(h, b * hidden)
      cells?.set(c, b * hidden)
    }
  },
}

/** One step of one sequence: the row of x it reads, and state and cell, which it replaces. */
type Step = (row: number, h: Float64Array, c: Float64Array) => void

function stepOf(operands: readonly (Float32Array | undefined)[], hidden: number, attributes: RecurrentAttributes): Step {
  const { kind, clip = Number.POSITIVE_INFINITY, linearBeforeReset = false, couplesInputForget = false } = attributes
  const [x, r, hiddenBias, , , peepholes] = operands
  const [f, g, out] = attributes.activations.map(({ name, alpha = 0, beta = 0 }) => {
    const activation = RECURRENT_ACTIVATIONS[name] as (x: number, alpha: number, beta: number) => number
    const [a, b] = [Math.fround(alpha), Math.fround(beta)]
    return (value: number) => activation(Math.min(Math.max(value, -clip), clip), a, b)
  }) as [(value: number) => number, (value: number) => number, (value: number) => number]
  const gates = RECURRENT_GATES[kind]
  const share = (row: number, gate: number, i: number): number => x![(row * gates + gate) * hidden + i]!
  const product = (gate: number, i: number, h: ArrayLike<number>): number => {
    const start = (gate * hidden + i) * hidden
    let sum = 0
    for (let at = 0; at < hidden; at++) sum += r![start + at]! * h[at]!
    return sum
  }
  const peephole = (gate: number, i: number, c: number): number => (peepholes ? peepholes[gate * hidden + i]! * c : 0)
  const units = Array.from({ length: hidden }, (_, i) => i)
  switch (kind) {
    case 'rnn':
      return (row, h) => h.set(units.map(i => f(share(row, 0, i) + product(0, i, h))))
    case 'gru':
      return (row, h) => {
        const [update, reset] = [0, 1].map(gate => units.map(i => f(share(row, gate, i) + product(gate, i, h))))
        const scaled = units.map(i => reset![i]! * h[i]!)
        const candidates = units.map(i => {
          const own = linearBeforeReset ? reset![i]! * (product(2, i, h) + (hiddenBias ? hiddenBias[i]! : 0)) : product(2, i, scaled)
          return g(share(row, 2, i) + own)
        })
        h.set(units.map(i => (1 - update![i]!) * candidates[i]! + update![i]! * h[i]!))
      }
    case 'lstm':
      return (row, h, c) => {
        const next = units.map(i => {
          const gate = (at: number, cell: number): number => f(share(row, at, i) + product(at, i, h) + peephole(at, i, cell))
          const input = gate(0, c[i]!)
          const forget = couplesInputForget ? 1 - input : gate(2, c[i]!)
          c[i] = forget * c[i]! + input * g(share(row, 3, i) + product(3, i, h))
          return gate(1, c[i]!) * out(c[i]!)
        })
        h.set(next)
      }
    default:
      throw new HenceError('PROGRAM_INVALID', `${OP}: unknown kind ${kind}`, { kind })
  }
}
