import type { TensorData } from '../../src/core/index.ts'
import { type Buffer, boundDim } from '../../src/program/index.ts'
import { CaseBuilder, type ContractCase } from './case.ts'

/** A sequence's part of a step: its slot, tokens before this step and tokens in it, and a slot for the state after one token. */
interface Part {
  readonly slot: number
  readonly before: number
  readonly count: number
  readonly snapshot?: readonly [token: number, slot: number]
}

const STATES = 8

/**
 * Prompts of several sequences, then the rest beside others: slots in any order, one used again by a new sequence, one whose
 * sequence has nothing to do, snapshots, and a sequence that goes on from one.
 */
const STEPS: readonly (readonly Part[])[] = [
  [
    { slot: 5, before: 0, count: 4, snapshot: [2, 1] },
    { slot: 0, before: 0, count: 1 },
    { slot: 3, before: 0, count: 0 },
    { slot: 7, before: 0, count: 9, snapshot: [8, 2] },
  ],
  [
    { slot: 7, before: 9, count: 1 },
    { slot: 5, before: 0, count: 2 },
    { slot: 1, before: 3, count: 3 },
    { slot: 0, before: 1, count: 1, snapshot: [0, 6] },
  ],
  [
    { slot: 6, before: 2, count: 1 },
    { slot: 2, before: 9, count: 5 },
  ],
]

/** A program over ragged sequences with a state pool, and its steps; `inputs` are `[T, width]` tokens. */
class StateCase extends CaseBuilder {
  readonly #tokens = boundDim('T')
  readonly #widths = new Map<string, readonly [width: number, scale: number]>()

  tokens(name: string, width: number, scale = 1): Buffer {
    this.#widths.set(name, [width, scale])
    return this.builder.input(name, 'f32', [this.#tokens, width])
  }

  /** The operands that all ops with a state share. */
  state(shape: readonly number[]): readonly Buffer[] {
    const [sequences, starts] = [boundDim('S'), boundDim('S1')]
    return [
      this.builder.input('queryStarts', 'i32', [starts]),
      this.builder.input('contextLengths', 'i32', [sequences]),
      this.builder.input('slots', 'i32', [sequences]),
      this.builder.input('snapshots', 'i32', [this.#tokens]),
      this.builder.state('state', { dtype: 'f32', shape: [boundDim('states'), ...shape] }),
    ]
  }

  inSteps(): ContractCase {
    const limits = { T: 16, S: 4, S1: 5, states: STATES }
    const steps = STEPS.map(parts => {
      const starts = [0]
      for (const { count } of parts) starts.push(starts.at(-1)! + count)
      const T = starts.at(-1)!
      const snapshots = new Int32Array(T).fill(-1)
      for (const [s, { snapshot }] of parts.entries()) if (snapshot) snapshots[starts[s]! + snapshot[0]] = snapshot[1]
      const inputs: Record<string, TensorData> = {
        queryStarts: Int32Array.from(starts),
        contextLengths: Int32Array.from(parts, ({ before, count }) => before + count),
        slots: Int32Array.from(parts, ({ slot }) => slot),
        snapshots,
      }
      for (const [name, [width, scale]] of this.#widths) inputs[name] = this.numbers(T * width, scale)
      return { inputs, dims: { T, S: parts.length, S1: starts.length, states: STATES } }
    })
    return { ...this.done(limits), steps }
  }
}

function selectiveScan(channels: number, size: number, isLogarithm: boolean, hasGate: boolean): ContractCase {
  const c = new StateCase(`selective_scan ${channels}×${size}${isLogarithm ? ' of logarithms' : ''}${hasGate ? ' gated' : ''}`)
  const a = c.weight('a', [channels, size], 'f32', 0.5)
  // A must be negative, or the state grows.
  if (!isLogarithm) for (const [i, value] of c.weights['a']!.data.entries()) c.weights['a']!.data[i] = -Math.abs(value)
  const operands = [c.tokens('x', channels), c.tokens('dt', channels, 2), a, c.tokens('b', size), c.tokens('c', size)]
  const gate = hasGate ? c.tokens('gate', channels) : undefined
  const y = c.builder.op('selective_scan', 'y', [...operands, c.weight('skip', [channels]), gate, ...c.state([channels, size])], {
    isLogarithm,
  })
  c.builder.output('y', y)
  return c.inSteps()
}

function causalConv(channels: number, taps: number, activation: 'none' | 'silu', extras: boolean): ContractCase {
  const c = new StateCase(`causal_conv ${channels}×${taps} ${activation}${extras ? ' with bias and gates' : ''}`)
  const x = c.tokens('x', channels)
  const [before, after] = extras ? [c.tokens('before', channels), c.tokens('after', channels)] : []
  const operands = [x, c.weight('w', [channels, taps], taps === 3 ? 'f16' : 'f32'), extras ? c.weight('bias', [channels]) : undefined]
  const y = c.builder.op('causal_conv', 'y', [...operands, before, after, ...c.state([taps - 1, channels])], { activation })
  c.builder.output('y', y)
  return c.inSteps()
}

/** Layers that carry a state along ragged sequences. */
export const stateCases: readonly ContractCase[] = [
  selectiveScan(1, 1, false, false),
  selectiveScan(37, 8, true, true),
  selectiveScan(64, 16, false, true),
  selectiveScan(1536, 16, true, true),
  causalConv(1, 2, 'none', false),
  causalConv(45, 4, 'silu', true),
  causalConv(64, 3, 'none', true),
  causalConv(1536, 4, 'silu', false),
  causalConv(17, 64, 'none', false),
]
