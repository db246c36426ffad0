import { describe, expect, test } from 'vitest'
import { modelOf, waves } from '../../../test/graph-models.ts'
import { int, text } from '../../../test/operator-call.ts'
import { referenceBackend } from '../../backends/index.ts'
import { tensor } from '../../core/index.ts'
import type { OnnxAttribute } from '../../formats/index.ts'
import { CompiledGraph } from '../compiled-graph.ts'
import { importOnnx } from '../import-onnx.ts'
import { interpret } from '../interpreter.ts'
import type { GraphTensor } from '../operator.ts'
import { optimize } from '../optimize.ts'

const [TIME, BATCH, INPUTS, HIDDEN] = [4, 3, 5, 6] as const

interface Variant {
  readonly op: 'LSTM' | 'GRU' | 'RNN'
  readonly direction?: 'forward' | 'reverse' | 'bidirectional'
  readonly batchFirst?: boolean
  readonly attributes?: Record<string, OnnxAttribute>
  readonly lengths?: readonly number[]
  readonly peepholes?: boolean
}

const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const

/** Compares a layer in a program with its definition; it must take one instruction per direction and none on the host. */
async function expectSame({
  op,
  direction = 'forward',
  batchFirst = false,
  attributes = {},
  lengths,
  peepholes = false,
}: Variant): Promise<void> {
  const directions = direction === 'bidirectional' ? 2 : 1
  const width = GATES[op] * HIDDEN
  const isLstm = op === 'LSTM'
  const names = ['x', 'w', 'r', 'b', lengths ? 'lengths' : '', 'h', ...(isLstm ? ['c', peepholes ? 'p' : ''] : [])]
  const state = batchFirst ? [BATCH, directions, HIDDEN] : [directions, BATCH, HIDDEN]
  const outputs = ['y', 'last', ...(isLstm ? ['cell'] : [])]
  const model = modelOf(
    [
      {
        op,
        inputs: names,
        outputs,
        attributes: { ...attributes, direction: text(direction), layout: int(Number(batchFirst)), hidden_size: int(HIDDEN) },
      },
    ],
    {
      inputs: { x: 'f32', h: 'f32', ...(isLstm ? { c: 'f32' } : {}) },
      outputs,
      constants: {
        w: waves([directions, width, INPUTS], 2),
        r: waves([directions, width, HIDDEN], 3),
        b: waves([directions, 2 * width], 4),
        ...(lengths ? { lengths: tensor('i32', [BATCH], Int32Array.from(lengths)) } : {}),
        ...(peepholes ? { p: waves([directions, 3 * HIDDEN], 5) } : {}),
      },
    },
  )
  const inputs = {
    x: waves(batchFirst ? [BATCH, TIME, INPUTS] : [TIME, BATCH, INPUTS], 6),
    h: waves(state, 7),
    ...(isLstm ? { c: waves(state, 8) } : {}),
  }
  const graph = new CompiledGraph(await optimize(importOnnx(model)), referenceBackend())
  const expected = Object.values(await interpret(model, inputs)) as GraphTensor[]
  const results = (await graph.run(new Map(Object.entries(inputs)))) as GraphTensor[]
  for (const [i, { shape, data }] of results.entries()) {
    expect(shape).toEqual(expected[i]!.shape)
    for (const [at, value] of (data as Float32Array).entries()) expect(value).toBeCloseTo(Number(expected[i]!.data[at]), 5)
  }
  const ops = [...graph.plans.values()].flatMap(({ steps }) =>
    steps.flatMap(step =>
      step.kind === 'host' ? [`host ${step.node.op}`] : step.segment.program.instructions.map(instruction => instruction.op),
    ),
  )
  expect(ops.filter(name => name !== 'copy' && name !== 'matmul')).toEqual(new Array(directions).fill('recurrent'))
  graph.dispose()
}

describe('recurrent layers run in programs', () => {
  test('LSTM', () => expectSame({ op: 'LSTM' }))
  test('LSTM both ways, batch first, with peepholes', () =>
    expectSame({ op: 'LSTM', direction: 'bidirectional', batchFirst: true, peepholes: true }))
  test('LSTM of sequences of several lengths, backwards', () => expectSame({ op: 'LSTM', direction: 'reverse', lengths: [4, 1, 0] }))
  test('LSTM with coupled gates and a clip', () =>
    expectSame({ op: 'LSTM', attributes: { input_forget: int(1), clip: { type: 'float', value: 0.4 } } }))
  test('GRU', () => expectSame({ op: 'GRU', direction: 'bidirectional' }))
  test('GRU that is linear before its reset', () =>
    expectSame({ op: 'GRU', batchFirst: true, attributes: { linear_before_reset: int(1) } }))
  test('RNN', () => expectSame({ op: 'RNN', direction: 'reverse', lengths: [2, 4, 3] }))
  test('lengths below zero or beyond the steps are refused', async () => {
    const model = modelOf(
      [{ op: 'RNN', inputs: ['x', 'w', 'r', '', 'lengths'], outputs: ['y'], attributes: { hidden_size: int(HIDDEN) } }],
      {
        inputs: { x: 'f32', lengths: 'i32' },
        outputs: ['y'],
        constants: { w: waves([1, HIDDEN, INPUTS], 2), r: waves([1, HIDDEN, HIDDEN], 3) },
      },
    )
    const graph = new CompiledGraph(await optimize(importOnnx(model)), referenceBackend())
    const run = (...lengths: number[]) =>
      graph.run(
        new Map([['x', waves([TIME, BATCH, INPUTS], 6)] as const, ['lengths', tensor('i32', [BATCH], Int32Array.from(lengths))] as const]),
      )
    await run(TIME, 1, 0)
    for (const wrong of [-1, TIME + 1]) await expect(run(TIME, wrong, 0)).rejects.toMatchObject({ code: 'SHAPE_MISMATCH' })
  })
})
