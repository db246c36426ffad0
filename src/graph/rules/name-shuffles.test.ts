import { describe, expect, test } from 'vitest'
import { modelOf, waves } from '../../../test/graph-models.ts'
import { referenceBackend } from '../../backends/index.ts'
import { tensor } from '../../core/index.ts'
import { CompiledGraph } from '../compiled-graph.ts'
import { importOnnx } from '../import-onnx.ts'
import { interpret } from '../interpreter.ts'
import type { GraphTensor } from '../operator.ts'
import { optimize } from '../optimize.ts'

const ints = (...values: number[]) => tensor('i64', [values.length], BigInt64Array.from(values, BigInt))

/** A shuffle of six channels in groups, in between convolutions or alone. */
function shuffle(groups: number, depth: number, between: boolean) {
  return modelOf(
    [
      ...(between ? [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['a'] }] : []),
      { op: 'Reshape', inputs: [between ? 'a' : 'x', 'parts'], outputs: ['b'] },
      { op: 'Transpose', inputs: ['b'], outputs: ['c'], attributes: { perm: { type: 'ints' as const, value: [0, 2, 1, 3, 4] } } },
      { op: 'Reshape', inputs: ['c', 'whole'], outputs: [between ? 'd' : 'y'] },
      ...(between ? [{ op: 'Conv', inputs: ['d', 'w'], outputs: ['y'] }] : []),
    ],
    {
      inputs: { x: 'f32' },
      outputs: ['y'],
      constants: { w: waves([6, 6, 1, 1]), parts: ints(-1, groups, depth, 3, 5), whole: ints(-1, 6, 3, 5) },
    },
  )
}

describe('shuffles of channels', () => {
  test.each([
    [2, 3, true],
    [3, 2, true],
    [3, 2, false],
  ])('%i groups of %i, between convolutions: %s', async (groups, depth, between) => {
    const model = shuffle(groups, depth, between)
    const inputs = { x: waves([2, 6, 3, 5], 3) }
    const optimized = await optimize(importOnnx(model))
    expect(optimized.nodes.map(({ op }) => op)).toContain('ShuffleChannels')
    const graph = new CompiledGraph(optimized, referenceBackend())
    const [expected] = Object.values(await interpret(model, inputs)) as GraphTensor[]
    const [result] = (await graph.run(new Map(Object.entries(inputs)))) as GraphTensor[]
    expect(result!.shape).toEqual(expected!.shape)
    for (const [i, value] of (result!.data as Float32Array).entries()) expect(value).toBeCloseTo(Number(expected!.data[i]), 4)
    const ops = [...graph.plans.values()].flatMap(({ steps }) =>
      steps.flatMap(step => (step.kind === 'program' ? step.segment.program.instructions.map(({ op }) => op) : ['host'])),
    )
    // Images enter and leave with channels first; in between they stay as convolutions want them.
    if (between) expect(ops).toEqual(['copy', 'conv', 'copy', 'conv', 'copy'])
  })

  test('is defined for other types by the same exchange', async () => {
    const model = shuffle(2, 3, false)
    const x = tensor(
      'i32',
      [1, 6, 3, 5],
      Int32Array.from({ length: 90 }, (_, i) => i),
    )
    const graph = new CompiledGraph(await optimize(importOnnx(model)), referenceBackend())
    const [result] = (await graph.run(new Map([['x', x]]))) as GraphTensor[]
    const [expected] = Object.values(await interpret(model, { x })) as GraphTensor[]
    expect(result).toEqual(expected)
  })
})
