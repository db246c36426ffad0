import { expect, test } from 'vitest'
import { expectSame, opsOf } from '../../../test/compiled-graphs.ts'
import { modelOf, waves } from '../../../test/graph-models.ts'
import { tensor } from '../../core/index.ts'
import type { OnnxAttribute, OnnxTensor } from '../../formats/index.ts'

const text = (value: string): OnnxAttribute => ({ type: 'string', value })
const int = (value: number): OnnxAttribute => ({ type: 'int', value })
const scales = (...values: number[]): OnnxTensor => tensor('f32', [values.length], Float32Array.from(values))
const sizes = (...values: number[]): OnnxTensor => tensor('i64', [values.length], BigInt64Array.from(values.map(BigInt)))

interface Case {
  readonly x: number[]
  readonly scales?: OnnxTensor
  readonly sizes?: OnnxTensor
  readonly attributes?: Record<string, OnnxAttribute>
  /** How many times two neighbouring axes are resized. */
  readonly passes?: number
}

const CASES: Readonly<Record<string, Case>> = {
  'nearest, twice as large': {
    x: [1, 3, 4, 5],
    scales: scales(1, 1, 2, 2),
    attributes: { coordinate_transformation_mode: text('asymmetric') },
  },
  'nearest, smaller': { x: [2, 3, 9, 7], sizes: sizes(2, 3, 4, 5), attributes: { nearest_mode: text('ceil') } },
  linear: { x: [2, 3, 5, 4], scales: scales(1, 1, 2.5, 3), attributes: { mode: text('linear') } },
  'linear between corners': {
    x: [1, 2, 6, 5],
    sizes: sizes(1, 2, 9, 12),
    attributes: { mode: text('linear'), coordinate_transformation_mode: text('align_corners') },
  },
  'cubic, smaller, without aliasing': {
    x: [1, 2, 12, 11],
    sizes: sizes(5, 6),
    attributes: { mode: text('cubic'), antialias: int(1), axes: { type: 'ints', value: [2, 3] } },
  },
  'cubic, within the image': {
    x: [1, 2, 5, 6],
    scales: scales(1, 1, 2, 1.5),
    attributes: { mode: text('cubic'), exclude_outside: int(1) },
  },
  'one axis': { x: [1, 3, 5, 6], scales: scales(1, 1, 2, 1), attributes: { mode: text('linear') } },
  signals: { x: [2, 3, 10], scales: scales(1, 1, 1.7), attributes: { mode: text('linear') } },
  volumes: { x: [1, 2, 3, 4, 5], scales: scales(1, 1, 2, 2, 2), attributes: { mode: text('linear') }, passes: 2 },
}

test.each(Object.entries(CASES))('resizing in the program: %s', async (_, { x, attributes = {}, passes = 1, ...given }) => {
  const inputs = ['x', '', given.scales ? 'scales' : '', ...(given.sizes ? ['sizes'] : [])]
  const model = modelOf([{ op: 'Resize', inputs, outputs: ['y'], attributes }], { inputs: { x: 'f32' }, outputs: ['y'], constants: given })
  expect(opsOf(await expectSame(model, { x: waves(x, 3) }))).toEqual(new Array(passes).fill('resize'))
})

test('images of a convolution are resized as they lie', async () => {
  const model = modelOf(
    [
      { op: 'Conv', inputs: ['x', 'w'], outputs: ['a'] },
      { op: 'Resize', inputs: ['a', '', 'scales'], outputs: ['b'], attributes: { mode: text('linear') } },
      { op: 'Conv', inputs: ['b', 'w'], outputs: ['y'] },
    ],
    { inputs: { x: 'f32' }, outputs: ['y'], constants: { w: waves([4, 4, 1, 1]), scales: scales(1, 1, 2, 2) } },
  )
  expect(opsOf(await expectSame(model, { x: waves([2, 4, 3, 5], 7) }))).toEqual(['copy', 'conv', 'resize', 'conv', 'copy'])
})

test('what a crop sees beyond the image is left to the definition', async () => {
  const crop = (from: number, to: number) =>
    modelOf(
      [
        {
          op: 'Resize',
          inputs: ['x', 'roi', '', 'sizes'],
          outputs: ['y'],
          attributes: { mode: text('linear'), coordinate_transformation_mode: text('tf_crop_and_resize') },
        },
      ],
      { inputs: { x: 'f32' }, outputs: ['y'], constants: { roi: scales(0, 0, from, from, 1, 1, to, to), sizes: sizes(1, 2, 4, 4) } },
    )
  expect(opsOf(await expectSame(crop(0.2, 0.8), { x: waves([1, 2, 6, 6]) }))).toEqual(['resize'])
  expect(opsOf(await expectSame(crop(0.5, 1.4), { x: waves([1, 2, 6, 6]) }))).toEqual(['host Resize'])
})
