import { expect, test } from 'vitest'
import { expectSame, opsOf } from '../../../test/compiled-graphs.ts'
import { modelOf, waves } from '../../../test/graph-models.ts'
import type { OnnxAttribute, OnnxTensor } from '../../formats/index.ts'

const float = (value: number): OnnxAttribute => ({ type: 'float', value: Math.fround(value) })

/** Numbers between -4 and 4, among them those where functions have a corner. */
function spread(shape: readonly number[], seed = 1): OnnxTensor {
  const tensor = waves(shape, seed)
  const data = (tensor.data as Float32Array).map(value => 4 * value)
  data.set([0, -0, 0.5, -0.5, 1, Number.POSITIVE_INFINITY])
  return { ...tensor, data }
}

test.each<[string, Record<string, OnnxAttribute>?]>([
  ['Celu'],
  ['Celu', { alpha: float(0.7) }],
  ['Elu'],
  ['Elu', { alpha: float(1.3) }],
  ['Gelu', { approximate: { type: 'string', value: 'tanh' } }],
  ['HardSigmoid', { alpha: float(0.3), beta: float(0.4) }],
  ['LeakyRelu', { alpha: float(0.2) }],
  ['Selu'],
  ['Selu', { alpha: float(1.1), gamma: float(0.9) }],
  ['Shrink'],
  ['Shrink', { lambd: float(0.9), bias: float(0.4) }],
  ['Swish'],
  ['Swish', { alpha: float(1.5) }],
  ['ThresholdedRelu', { alpha: float(0.5) }],
])('%s %j is an expression of the program', async (op, attributes = {}) => {
  const model = modelOf(
    [
      { op, inputs: ['x'], outputs: ['a'], attributes },
      { op: 'Clip', inputs: ['a', '', 'most'], outputs: ['y'] },
    ],
    { inputs: { x: 'f32' }, outputs: ['y'], constants: { most: { dtype: 'f32', shape: [], data: Float32Array.of(100) } }, opset: 24 },
  )
  expect(opsOf(await expectSame(model, { x: spread([5, 7]) }))).toEqual(['map'])
})

test.each<[string, readonly number[]]>([
  ['PRelu', [3, 1, 1]],
  ['PRelu', [1]],
  ['SwiGLU', [2, 3, 4, 5]],
  ['SwiGLU', [5]],
  ['Mean', [4, 1]],
])('%s with an operand of %j too', async (op, shape) => {
  const model = modelOf([{ op, inputs: ['x', 'z'], outputs: ['y'] }], { inputs: { x: 'f32', z: 'f32' }, outputs: ['y'], opset: 28 })
  expect(opsOf(await expectSame(model, { x: waves([2, 3, 4, 5]), z: waves(shape, 5) }))).toEqual(['map'])
})

test('a spelled-out swish stays in the program', async () => {
  const model = modelOf(
    [
      { op: 'Add', inputs: ['x', 'z'], outputs: ['a'] },
      { op: 'Sigmoid', inputs: ['a'], outputs: ['b'] },
      { op: 'Mul', inputs: ['a', 'b'], outputs: ['y'] },
    ],
    { inputs: { x: 'f32', z: 'f32' }, outputs: ['y'] },
  )
  expect(opsOf(await expectSame(model, { x: waves([3, 4]), z: waves([3, 4], 2) }))).toEqual(['map'])
})
