import { describe, expect, test } from 'vitest'
import { modelOf, waves } from '../../test/graph-models.ts'
import { referenceBackend } from '../backends/index.ts'
import type { OnnxModel } from '../formats/index.ts'
import { largestBytes, type Program, planMemory } from '../program/index.ts'
import { CompiledGraph } from './compiled-graph.ts'
import { importOnnx } from './import-onnx.ts'
import type { Value } from './operator.ts'
import { optimize } from './optimize.ts'
import { profileGraph } from './profile-graph.ts'

async function compile(model: OnnxModel): Promise<CompiledGraph> {
  return new CompiledGraph(await optimize(importOnnx(model)), referenceBackend())
}

const model = modelOf(
  [
    { op: 'MatMul', inputs: ['x', 'w'], outputs: ['a'] },
    { op: 'Softmax', inputs: ['a'], outputs: ['s'], attributes: { axis: { type: 'int', value: -1 } } },
    { op: 'NonZero', inputs: ['s'], outputs: ['n'] },
    { op: 'MatMul', inputs: ['s', 'v'], outputs: ['y'] },
  ],
  { inputs: { x: 'f32' }, outputs: ['y', 'n'], constants: { w: waves([6, 40]), v: waves([40, 30], 2) } },
)
const inputs = new Map<string, Value>([['x', waves([3, 6])]])

describe('a profile', () => {
  test('names every instruction, node and way in and out, with its costs', async () => {
    const graph = await compile(model)
    const profile = await profileGraph(graph, inputs, { runs: 3 })
    expect(profile.runs).toBe(3)
    expect(profile.steps.map(({ kind, op, program }) => [kind, op, program])).toEqual([
      ['instruction', 'matmul', 0],
      ['instruction', 'softmax', 0],
      ['transfer', 'in and out', 0],
      ['node', 'NonZero', undefined],
      ['instruction', 'matmul', 1],
      ['transfer', 'in and out', 1],
    ])
    expect(profile.steps[0]).toMatchObject({
      name: 'node0',
      shape: [3, 40],
      runs: 1,
      operations: 2 * 3 * 6 * 40,
      bytes: 4 * (18 + 240 + 120),
    })
    expect(profile.fastestMs).toBeLessThanOrEqual(profile.ms)
    expect(profile.slowestMs).toBeGreaterThanOrEqual(profile.ms)
    for (const { ms, share } of profile.steps) expect(ms / profile.ms).toBeCloseTo(share)
    expect(JSON.parse(JSON.stringify(profile))).toEqual(profile)
    graph.dispose()
  })

  test('one run holds the arena that was planned, and reaches its last byte', async () => {
    const graph = await compile(model)
    const { arena } = await profileGraph(graph, inputs, { runs: 1 })
    expect(arena.usedBytes).toBe(arena.plannedBytes)
    const programs = [...graph.plans.values()].flatMap(function stepsOf(stage): Program[] {
      const own = stage.steps.flatMap(step => (step.kind === 'program' ? [step.segment.program] : []))
      return [...own, ...[...stage.next.values()].flatMap(stepsOf)]
    })
    expect(arena.plannedBytes).toBe(programs.reduce((sum, program) => sum + reachedBytes(program), 0))
    graph.dispose()
  })

  test('is stopped by a signal', async () => {
    const graph = await compile(model)
    await expect(profileGraph(graph, inputs, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    graph.dispose()
  })
})

/** Where the furthest buffer of an arena ends, in whole cache lines. */
function reachedBytes(program: Program): number {
  const ends = [...planMemory(program, {}).offsets].map(([id, offset]) => offset + largestBytes(program.buffers[id]!, {}))
  return Math.ceil(Math.max(...ends) / 64) * 64
}
