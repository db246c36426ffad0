import { afterAll, describe, expect, it } from 'vitest'
import { boundDim, ProgramBuilder } from '../../src/program/index.ts'
import { availableBackends } from '../backends.ts'
import { memoryWeights } from '../memory-weights.ts'

const WIDTH = 3

/** `h ← h / 2 + x` per sequence, in a pool of eight slots: with dt = 0, Δ is ln 2. */
function recurrence() {
  const b = new ProgramBuilder('recurrence')
  const [tokens, sequences, starts] = [boundDim('T'), boundDim('S'), boundDim('S1')]
  const operands = [
    b.input('x', 'f32', [tokens, WIDTH]),
    b.input('dt', 'f32', [tokens, WIDTH]),
    b.weight({ tensor: 'a' }, [WIDTH, 1]),
    b.input('b', 'f32', [tokens, 1]),
    b.input('c', 'f32', [tokens, 1]),
    b.weight({ tensor: 'skip' }, [WIDTH]),
    undefined,
    b.input('queryStarts', 'i32', [starts]),
    b.input('contextLengths', 'i32', [sequences]),
    b.input('slots', 'i32', [sequences]),
    b.input('snapshots', 'i32', [tokens]),
    b.state('h', { dtype: 'f32', shape: [boundDim('states'), WIDTH, 1] }),
  ]
  b.output('y', b.op('selective_scan', 'y', operands, {}))
  return b.build()
}

const WEIGHTS = memoryWeights({
  a: { shape: [WIDTH, 1], data: new Float32Array(WIDTH).fill(-1) },
  skip: { shape: [WIDTH], data: new Float32Array(WIDTH) },
})

interface Part {
  readonly slot: number
  readonly before: number
  readonly numbers: readonly number[]
  readonly snapshots?: readonly number[]
}

describe.each(availableBackends())('recurrent state on $name', ({ open }) => {
  const backend = open()
  afterAll(() => backend.dispose())

  it('is kept between steps, forked by copying a slot, truncated to a snapshot, and zero for a new sequence', async () => {
    const limits = { T: 8, S: 2, S1: 3, states: 8 }
    const executable = await backend.compile(recurrence(), WEIGHTS, { precision: 'exact', limits })
    const execution = executable.createExecution()
    /** Feeds numbers to sequences, each in its slot; gives y of the last column, rounded. */
    const step = async (sequences: readonly Part[]) => {
      const numbers = sequences.flatMap(sequence => sequence.numbers)
      const T = numbers.length
      const starts = [0]
      for (const sequence of sequences) starts.push(starts.at(-1)! + sequence.numbers.length)
      const inputs = {
        x: Float32Array.from({ length: T * WIDTH }, (_, i) => numbers[Math.floor(i / WIDTH)]!),
        dt: new Float32Array(T * WIDTH),
        b: new Float32Array(T).fill(1 / Math.LN2),
        c: new Float32Array(T).fill(1),
        queryStarts: Int32Array.from(starts),
        contextLengths: Int32Array.from(sequences, ({ before, numbers: n }) => before + n.length),
        slots: Int32Array.from(sequences, ({ slot }) => slot),
        snapshots: Int32Array.from(sequences.flatMap(({ numbers: n, snapshots = [] }) => n.map((_, i) => snapshots[i] ?? -1))),
      }
      const { y } = await execution.run(inputs, { T, S: sequences.length, S1: starts.length, states: 8 })
      return Array.from({ length: T }, (_, i) => Math.round((y!.data[(i + 1) * WIDTH - 1] as number) * 1e5) / 1e5)
    }
    expect(
      await step([
        { slot: 0, before: 0, numbers: [8, 4] },
        { slot: 5, before: 0, numbers: [2], snapshots: [6] },
      ]),
    ).toEqual([8, 8, 2])
    execution.copyState('h', 0, 1)
    expect(
      await step([
        { slot: 0, before: 2, numbers: [0] },
        { slot: 1, before: 2, numbers: [1] },
      ]),
    ).toEqual([4, 5])
    expect(await step([{ slot: 5, before: 1, numbers: [1, 1] }])).toEqual([2, 2])
    execution.copyState('h', 6, 5)
    expect(await step([{ slot: 5, before: 1, numbers: [7] }])).toEqual([8])
    expect(await step([{ slot: 5, before: 0, numbers: [3] }])).toEqual([3])
    execution.dispose()
    executable.dispose()
  })
})
