import { expect, test } from 'vitest'
import { expectSame, opsOf } from '../../../test/compiled-graphs.ts'
import { modelOf, waves } from '../../../test/graph-models.ts'
import { tensor } from '../../core/index.ts'
import type { OnnxAttribute } from '../../formats/index.ts'

const ints = (...value: number[]): OnnxAttribute => ({ type: 'ints', value })
const int = (value: number): OnnxAttribute => ({ type: 'int', value })

const CASES: Readonly<Record<string, { x: number[]; w: number[]; attributes?: Record<string, OnnxAttribute> }>> = {
  'of a signal': { x: [2, 6, 9], w: [6, 5, 4], attributes: { strides: ints(2), pads: ints(1, 0) } },
  'in groups': { x: [1, 6, 4, 5], w: [6, 4, 3, 2], attributes: { group: int(3), strides: ints(2, 3), output_padding: ints(1, 0) } },
  'to a stated shape': { x: [1, 3, 5, 4], w: [3, 2, 3, 3], attributes: { strides: ints(2, 2), output_shape: ints(10, 9) } },
  'to a larger shape than it reaches': { x: [1, 3, 3, 3], w: [3, 2, 2, 2], attributes: { strides: ints(2, 2), output_shape: ints(9, 8) } },
  'of the same size': {
    x: [1, 3, 5, 4],
    w: [3, 2, 4, 3],
    attributes: { strides: ints(2, 2), auto_pad: { type: 'string', value: 'SAME_UPPER' } },
  },
  dilated: { x: [1, 3, 5, 4], w: [3, 2, 2, 3], attributes: { dilations: ints(2, 3), strides: ints(2, 2), pads: ints(1, 2, 0, 1) } },
}

test.each(Object.entries(CASES))('a transposed convolution %s runs in the program', async (_, { x, w, attributes = {} }) => {
  const filters = w[1]! * (attributes['group']?.type === 'int' ? Number(attributes['group'].value) : 1)
  const model = modelOf([{ op: 'ConvTranspose', inputs: ['x', 'w', 'b'], outputs: ['y'], attributes }], {
    inputs: { x: 'f32' },
    outputs: ['y'],
    constants: { w: waves(w), b: waves([filters], 3) },
  })
  expect(opsOf(await expectSame(model, { x: waves(x, 7) })).filter(op => op !== 'copy')).toEqual(['conv_transpose'])
})

test('a transposed convolution takes in scaling and activation', async () => {
  const model = modelOf(
    [
      { op: 'ConvTranspose', inputs: ['x', 'w'], outputs: ['a'], attributes: { group: int(2), strides: ints(2, 2) } },
      { op: 'BatchNormalization', inputs: ['a', 's', 'b', 'm', 'v'], outputs: ['n'] },
      { op: 'LeakyRelu', inputs: ['n'], outputs: ['r'] },
      { op: 'Add', inputs: ['r', 'r'], outputs: ['y'] },
    ],
    {
      inputs: { x: 'f32' },
      outputs: ['y'],
      constants: {
        w: waves([4, 3, 2, 2]),
        s: waves([6], 2),
        b: waves([6], 3),
        m: waves([6], 4),
        v: tensor('f32', [6], Float32Array.of(0.5, 1, 2, 3, 4, 5)),
      },
    },
  )
  expect(opsOf(await expectSame(model, { x: waves([2, 4, 5, 6], 7) }))).toEqual(['copy', 'conv_transpose', 'map', 'copy'])
})
