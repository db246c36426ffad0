import { expect, test } from 'vitest'
import { expectSame, opsOf } from '../../../test/compiled-graphs.ts'
import { modelOf, waves } from '../../../test/graph-models.ts'
import type { OnnxAttribute } from '../../formats/index.ts'

const int = (value: number): OnnxAttribute => ({ type: 'int', value })
const float = (value: number): OnnxAttribute => ({ type: 'float', value })

interface Case {
  readonly op: string
  readonly x: number[]
  readonly attributes?: Record<string, OnnxAttribute>
  /** Numbers of scale and bias. */
  readonly entries?: number
  readonly opset?: number
  readonly ops: readonly string[]
}

const CASES: readonly Case[] = [
  { op: 'InstanceNormalization', x: [2, 3, 5, 4], entries: 3, ops: ['copy', 'group_norm', 'copy'] },
  { op: 'InstanceNormalization', x: [2, 3, 128], entries: 3, ops: ['group_norm', 'map'] },
  { op: 'GroupNormalization', x: [2, 6, 3, 3], entries: 6, attributes: { num_groups: int(2) }, ops: ['copy', 'group_norm', 'copy'] },
  { op: 'GroupNormalization', x: [1, 8, 16, 16], entries: 8, attributes: { num_groups: int(4) }, ops: ['group_norm', 'map'] },
  {
    op: 'GroupNormalization',
    x: [1, 6, 5],
    entries: 3,
    attributes: { num_groups: int(3) },
    opset: 18,
    ops: ['copy', 'group_norm', 'copy'],
  },
  { op: 'MeanVarianceNormalization', x: [2, 3, 4, 5], ops: ['reduce', 'map', 'reduce', 'map'] },
  { op: 'LpNormalization', x: [2, 3, 4], attributes: { axis: int(1), p: int(1) }, ops: ['reduce', 'map'] },
  { op: 'LpNormalization', x: [5, 4], ops: ['reduce', 'map'] },
  {
    op: 'LRN',
    x: [2, 7, 3, 4],
    attributes: { size: int(4), alpha: float(0.3), beta: float(0.6), bias: float(1.5) },
    ops: ['copy', 'map', 'conv', 'map', 'copy'],
  },
]

test.each(CASES)('$op of $x runs in the program', async ({ op, x, attributes = {}, entries, opset = 22, ops }) => {
  const inputs = entries ? ['x', 's', 'b'] : ['x']
  const constants = entries ? { s: waves([entries], 2), b: waves([entries], 5) } : {}
  const model = modelOf([{ op, inputs, outputs: ['y'], attributes }], { inputs: { x: 'f32' }, outputs: ['y'], constants, opset })
  expect(opsOf(await expectSame(model, { x: waves(x, 3) }))).toEqual(ops)
})

test('images of a convolution are normalised as they lie', async () => {
  const model = modelOf(
    [
      { op: 'Conv', inputs: ['x', 'w'], outputs: ['a'] },
      { op: 'GroupNormalization', inputs: ['a', 's', 'b'], outputs: ['n'], attributes: { num_groups: int(2) } },
      { op: 'Conv', inputs: ['n', 'w'], outputs: ['y'] },
    ],
    { inputs: { x: 'f32' }, outputs: ['y'], constants: { w: waves([4, 4, 1, 1]), s: waves([4], 2), b: waves([4], 5) } },
  )
  expect(opsOf(await expectSame(model, { x: waves([2, 4, 8, 8], 7) }))).toEqual(['copy', 'conv', 'group_norm', 'conv', 'copy'])
})
