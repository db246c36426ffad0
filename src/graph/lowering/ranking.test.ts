import { expect, test } from 'vitest'
import { expectSame, opsOf } from '../../../test/compiled-graphs.ts'
import { modelOf, waves } from '../../../test/graph-models.ts'
import { tensor } from '../../core/index.ts'
import type { OnnxAttribute, OnnxTensor } from '../../formats/index.ts'

const int = (value: number): OnnxAttribute => ({ type: 'int', value })
const whole = (...values: number[]): OnnxTensor => tensor('i64', [values.length], BigInt64Array.from(values.map(BigInt)))

interface Case {
  readonly op: string
  readonly x: number[]
  readonly attributes?: Record<string, OnnxAttribute>
  readonly operand?: OnnxTensor
  readonly outputs?: string[]
  readonly ops: readonly string[]
}

const CASES: readonly Case[] = [
  { op: 'ArgMax', x: [3, 5, 7], attributes: { axis: int(1) }, ops: ['extreme', 'map'] },
  { op: 'ArgMin', x: [3, 50], attributes: { axis: int(-1), keepdims: int(0), select_last_index: int(1) }, ops: ['extreme', 'map'] },
  { op: 'TopK', x: [4, 30], operand: whole(5), outputs: ['y', 'i'], ops: ['top_k', 'map'] },
  {
    op: 'TopK',
    x: [2, 9, 4],
    operand: whole(3),
    attributes: { axis: int(1), largest: int(0) },
    outputs: ['y', 'i'],
    ops: ['copy', 'top_k', 'map', 'copy', 'copy'],
  },
  { op: 'TopK', x: [4, 30], operand: whole(5), outputs: ['', 'i'], ops: ['top_k', 'map'] },
  { op: 'CumSum', x: [3, 4, 5], operand: whole(1), attributes: { exclusive: int(1) }, ops: ['cumulative'] },
  { op: 'CumSum', x: [3, 4, 5], operand: whole(-1), attributes: { reverse: int(1) }, ops: ['cumulative'] },
]

test.each(CASES)('$op of $x runs in the program', async ({ op, x, attributes = {}, operand, outputs = ['y'], ops }) => {
  const inputs = operand ? ['x', 'operand'] : ['x']
  const model = modelOf([{ op, inputs, outputs, attributes }], {
    inputs: { x: 'f32' },
    outputs: outputs.filter(name => name !== ''),
    constants: operand ? { operand } : {},
    opset: 24,
  })
  expect(opsOf(await expectSame(model, { x: waves(x, 3) }))).toEqual(ops)
})

test('the class of every pixel is found as images lie', async () => {
  for (const [axis, keepdims, ops] of [
    [1, 0, ['copy', 'conv', 'extreme', 'map']],
    [1, 1, ['copy', 'conv', 'extreme', 'map']],
    [2, 1, ['copy', 'conv', 'extreme', 'map', 'copy']],
    [2, 0, ['copy', 'conv', 'copy', 'extreme', 'map']],
  ] as const) {
    const model = modelOf(
      [
        { op: 'Conv', inputs: ['x', 'w'], outputs: ['a'] },
        { op: 'ArgMax', inputs: ['a'], outputs: ['y'], attributes: { axis: int(axis), keepdims: int(keepdims) } },
      ],
      { inputs: { x: 'f32' }, outputs: ['y'], constants: { w: waves([4, 3, 1, 1]) } },
    )
    expect(opsOf(await expectSame(model, { x: waves([2, 3, 5, 6], 7) }))).toEqual(ops)
  }
})

test('places found in a program are counted with in it', async () => {
  const model = modelOf(
    [
      { op: 'ArgMax', inputs: ['x'], outputs: ['i'], attributes: { axis: int(1), keepdims: int(0) } },
      { op: 'Cast', inputs: ['i'], outputs: ['f'], attributes: { to: int(1) } },
      { op: 'Equal', inputs: ['i', 'two'], outputs: ['e'] },
      { op: 'Where', inputs: ['e', 'f', 'half'], outputs: ['y'] },
    ],
    { inputs: { x: 'f32' }, outputs: ['y'], constants: { two: whole(2), half: tensor('f32', [], Float32Array.of(0.5)) } },
  )
  expect(opsOf(await expectSame(model, { x: waves([20, 4], 7) }))).toEqual(['extreme', 'map', 'map'])
})
