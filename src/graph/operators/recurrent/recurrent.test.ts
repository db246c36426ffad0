import { describe, expect, it } from 'vitest'
import { f32, failureOf, runOperator, text, typed } from '../../../../test/operator-call.ts'
import type { GraphTensor } from '../../operator.ts'

const [time, batch, input, hidden] = [4, 3, 2, 5]
const GATES = { RNN: 1, GRU: 3, LSTM: 4 } as const
const wave = (shape: readonly number[], seed: number): GraphTensor =>
  f32(shape, ...Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.3 + seed)))

const operands = (name: keyof typeof GATES, lengths?: GraphTensor): (GraphTensor | undefined)[] => {
  const rows = GATES[name] * hidden
  return [wave([time, batch, input], 1), wave([1, rows, input], 2), wave([1, rows, hidden], 3), wave([1, 2 * rows], 4), lengths]
}

const lengths = typed('i32', [batch], Int32Array.of(4, 2, 0))

describe.each(['RNN', 'GRU', 'LSTM'] as const)('%s', name => {
  it('ends each sequence at its own length', async () => {
    const [y, last] = await runOperator(name, operands(name, lengths), { outputs: 2 })
    const [full] = await runOperator(name, operands(name), { outputs: 2 })
    const at = (t: number, b: number): Float32Array =>
      (y!.data as Float32Array).subarray((t * batch + b) * hidden, (t * batch + b + 1) * hidden)
    expect([...at(2, 1), ...at(0, 2)].every(value => value === 0)).toBe(true)
    expect([...(last!.data as Float32Array)]).toEqual([...at(3, 0), ...at(1, 1), ...new Array<number>(hidden).fill(0)])
    expect([...at(1, 1)]).toEqual([...(full!.data as Float32Array).subarray((batch + 1) * hidden, (batch + 2) * hidden)])
  })

  it('runs backwards as it runs a reversed input forwards', async () => {
    const [x, ...rest] = operands(name)
    const flip = (tensor: GraphTensor): number[] => {
      const size = tensor.data.length / time
      return Array.from(
        { length: tensor.data.length },
        (_, i) => tensor.data[(time - 1 - Math.floor(i / size)) * size + (i % size)] as number,
      )
    }
    const [backward] = await runOperator(name, [x, ...rest], { attributes: { direction: text('reverse') } })
    const [forward] = await runOperator(name, [f32(x!.shape, ...flip(x!)), ...rest])
    expect(flip(backward!)).toEqual([...(forward!.data as Float32Array)])
  })

  it('refuses operands that do not fit', async () => {
    const [x, w, r, b] = operands(name)
    const failure = (...inputs: (GraphTensor | undefined)[]) => failureOf(() => runOperator(name, inputs))
    expect(await failure(x, r, w, b)).toBe('SHAPE_MISMATCH')
    expect(await failure(x, w, r, f32([1, 3]))).toBe('SHAPE_MISMATCH')
    expect(await failure(x, w, r, b, typed('i32', [batch], Int32Array.of(5, 1, 1)))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator(name, [x, w, r], { attributes: { direction: text('up') } }))).toBe('GRAPH_INVALID')
  })
})
