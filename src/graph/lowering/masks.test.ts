import { expect, test } from 'vitest'
import { expectSame, opsOf } from '../../../test/compiled-graphs.ts'
import { modelOf, waves } from '../../../test/graph-models.ts'
import { tensor } from '../../core/index.ts'
import type { OnnxTensor } from '../../formats/index.ts'

const whole = (shape: readonly number[], values: readonly number[]): OnnxTensor =>
  tensor('i64', shape, BigInt64Array.from(values.map(BigInt)))

test.each([
  [1, -1],
  [0, 2],
  [1, 9],
  [0, -9],
  [1, -9],
])('a triangle of matrices is a mask in the program: upper %i from %i', async (upper, k) => {
  const model = modelOf([{ op: 'Trilu', inputs: ['x', 'k'], outputs: ['y'], attributes: { upper: { type: 'int', value: upper } } }], {
    inputs: { x: 'f32' },
    outputs: ['y'],
    constants: { k: whole([], [k]) },
  })
  expect(opsOf(await expectSame(model, { x: waves([2, 5, 7]) }))).toEqual(['map'])
})

const BYTES = Int32Array.from({ length: 64 }, (_, i) => (i * 37) % 100)

test('vectors of ones made by repeating and comparing are one expression', async () => {
  const model = modelOf(
    [
      { op: 'Expand', inputs: ['x', 'shape'], outputs: ['wide'] },
      { op: 'Equal', inputs: ['wide', 'range'], outputs: ['is'] },
      { op: 'Cast', inputs: ['is'], outputs: ['one'], attributes: { to: { type: 'int', value: 1 } } },
      { op: 'MatMul', inputs: ['one', 'w'], outputs: ['y'] },
    ],
    {
      inputs: { x: 'i32' },
      outputs: ['y'],
      constants: {
        shape: whole([2], [64, 100]),
        range: tensor(
          'i32',
          [100],
          Int32Array.from({ length: 100 }, (_, i) => i),
        ),
        w: waves([100, 3]),
      },
    },
  )
  expect(opsOf(await expectSame(model, { x: tensor('i32', [64, 1], BYTES) }))).toEqual(['map', 'matmul'])
})

test('a repeated value is whole where it is read as it is', async () => {
  const model = modelOf(
    [
      { op: 'Neg', inputs: ['x'], outputs: ['n'] },
      { op: 'Expand', inputs: ['n', 'shape'], outputs: ['wide'] },
      { op: 'Exp', inputs: ['wide'], outputs: ['e'] },
      { op: 'Transpose', inputs: ['e'], outputs: ['y'] },
    ],
    { inputs: { x: 'f32' }, outputs: ['y'], constants: { shape: whole([2], [3, 4]) } },
  )
  expect(opsOf(await expectSame(model, { x: waves([3, 1]) }))).toEqual(['map', 'map', 'copy', 'copy'])
})

test.each([-1, 0, 1])('whole numbers become vectors in the program, along axis %i', async axis => {
  const model = modelOf(
    [{ op: 'OneHot', inputs: ['x', 'depth', 'values'], outputs: ['y'], attributes: { axis: { type: 'int', value: axis } } }],
    {
      inputs: { x: 'i64' },
      outputs: ['y'],
      constants: { depth: whole([], [90]), values: tensor('f32', [2], Float32Array.of(-1, 2)) },
    },
  )
  const x = whole(
    [8, 8],
    Array.from(BYTES, byte => byte - 95),
  )
  expect(opsOf(await expectSame(model, { x }))).toEqual(['map'])
})
