import { expect, test } from 'vitest'
import { expectSame, opsOf } from '../../../test/compiled-graphs.ts'
import { modelOf, waves } from '../../../test/graph-models.ts'
import { tensor } from '../../core/index.ts'
import type { OnnxAttribute, OnnxTensor } from '../../formats/index.ts'

const int = (value: number): OnnxAttribute => ({ type: 'int', value })
const whole = (value: number): OnnxTensor => tensor('i64', [], BigInt64Array.of(BigInt(value)))

const TRANSFORMS = [
  { x: [2, 10, 1], ops: ['conv'] },
  { x: [2, 9, 2], ops: ['conv'] },
  { x: [3, 10, 1], onesided: 1, ops: ['conv'] },
  { x: [2, 6, 2], onesided: 1, inverse: 1, ops: ['conv'] },
  { x: [2, 5, 2], onesided: 1, inverse: 1, length: 9, ops: ['conv'] },
  { x: [2, 8, 2], inverse: 1, length: 5, ops: ['conv'] },
  { x: [2, 7, 1], length: 12, ops: ['conv'] },
  { x: [2, 6, 5, 2], axis: 1, ops: ['copy', 'conv', 'copy'] },
] as const

test.each(TRANSFORMS)('a transform is a product in the program: %j', async ({ x, ops, ...more }) => {
  const { axis = -2, length, onesided = 0, inverse = 0 } = more as { axis?: number; length?: number; onesided?: number; inverse?: number }
  const model = modelOf(
    [
      {
        op: 'DFT',
        inputs: ['x', length ? 'length' : '', 'axis'],
        outputs: ['y'],
        attributes: { onesided: int(onesided), inverse: int(inverse) },
      },
    ],
    { inputs: { x: 'f32' }, outputs: ['y'], constants: { axis: whole(axis), ...(length ? { length: whole(length) } : {}) } },
  )
  expect(opsOf(await expectSame(model, { x: waves(x, 3) }))).toEqual(ops)
})

const SIGNALS = [
  { x: [2, 100], window: 16, onesided: 1 },
  { x: [1, 64, 1], window: 15, onesided: 1 },
  { x: [1, 50, 2], window: 8, onesided: 0 },
  { x: [2, 60, 1], length: 20, onesided: 1 },
] as const

test.each(SIGNALS)('frames of a signal are transformed in the program: %j', async ({ x, onesided, ...more }) => {
  const { window, length } = more as { window?: number; length?: number }
  const model = modelOf(
    [
      {
        op: 'STFT',
        inputs: ['x', 'step', window ? 'window' : '', length ? 'length' : ''],
        outputs: ['y'],
        attributes: { onesided: int(onesided) },
      },
    ],
    {
      inputs: { x: 'f32' },
      outputs: ['y'],
      constants: {
        step: whole(5),
        ...(window ? { window: waves([window], 4) } : {}),
        ...(length ? { length: whole(length) } : {}),
      },
    },
  )
  expect(opsOf(await expectSame(model, { x: waves(x, 3) }))).toEqual(['conv'])
})
