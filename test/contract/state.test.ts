import { afterAll, describe, expect, it } from 'vitest'
import { boundDim, ProgramBuilder } from '../../src/program/index.ts'
import { availableBackends } from '../backends.ts'
import { memoryWeights } from '../memory-weights.ts'

const WIDTH = 3

/** `h ← h / 2 + x` per sequence, in a pool of eight slots. */
function recurrence() {
  const b = new ProgramBuilder('recurrence')
  const [tokens, sequences, starts] = [boundDim('T'), boundDim('S'), boundDim('S1')]
  const a = b.input('a', 'f32', [tokens, WIDTH])
  const x = b.input('x', 'f32', [tokens, WIDTH])
  const queryStarts = b.input('queryStarts', 'i32', [starts])
  const slots = b.input('slots', 'i32', [sequences])
  const snapshots = b.input('snapshots', 'i32', [tokens])
  const state = b.state('h', { dtype: 'f32', shape: [boundDim('states'), WIDTH] })
  b.output('y', b.op('scan', 'y', [a, x, queryStarts, slots, snapshots, state], {}))
  return b.build()
}

describe.each(availableBackends())('recurrent state on $name', ({ open }) => {
  const backend = open()
  afterAll(() => backend.dispose())

  it('is kept between steps, forked by copying a slot, and truncated to a snapshot', async () => {
    const limits = { T: 8, S: 2, S1: 3, states: 8 }
    const executable = await backend.compile(recurrence(), memoryWeights({}), { precision: 'exact', limits })
    const execution = executable.createExecution()
    /** Feeds numbers to sequences, each in its slot; gives y of the first column. */
    const step = async (sequences: readonly { slot: number; numbers: readonly number[]; snapshots?: readonly number[] }[]) => {
      const numbers = sequences.flatMap(sequence => sequence.numbers)
      const T = numbers.length
      const starts = [0]
      for (const sequence of sequences) starts.push(starts.at(-1)! + sequence.numbers.length)
      const inputs = {
        a: new Float32Array(T * WIDTH).fill(0.5),
        x: Float32Array.from({ length: T * WIDTH }, (_, i) => numbers[Math.floor(i / WIDTH)]!),
        queryStarts: Int32Array.from(starts),
        slots: Int32Array.from(sequences, ({ slot }) => slot),
        snapshots: Int32Array.from(sequences.flatMap(({ numbers: n, snapshots = [] }) => n.map((_, i) => snapshots[i] ?? -1))),
      }
      const { y } = await execution.run(inputs, { T, S: sequences.length, S1: starts.length, states: 8 })
      return Array.from({ length: T }, (_, i) => y!.data[i * WIDTH])
    }
    expect(
      await step([
        { slot: 0, numbers: [8, 4] },
        { slot: 5, numbers: [2], snapshots: [6] },
      ]),
    ).toEqual([8, 8, 2])
    execution.copyState('h', 0, 1)
    expect(
      await step([
        { slot: 0, numbers: [0] },
        { slot: 1, numbers: [1] },
      ]),
    ).toEqual([4, 5])
    expect(await step([{ slot: 5, numbers: [1, 1] }])).toEqual([2, 2])
    execution.copyState('h', 6, 5)
    expect(await step([{ slot: 5, numbers: [7] }])).toEqual([8])
    execution.dispose()
    executable.dispose()
  })
})
