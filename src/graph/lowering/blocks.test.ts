import { expect, test } from 'vitest'
import { expectSame, opsOf } from '../../../test/compiled-graphs.ts'
import { modelOf, waves } from '../../../test/graph-models.ts'
import { tensor } from '../../core/index.ts'
import type { OnnxAttribute } from '../../formats/index.ts'

const side = (value: number): Record<string, OnnxAttribute> => ({ blocksize: { type: 'int', value } })

const CASES: readonly [op: string, shape: readonly number[], attributes: Record<string, OnnxAttribute>][] = [
  ['DepthToSpace', [2, 12, 3, 5], side(2)],
  ['DepthToSpace', [2, 18, 3, 2], { ...side(3), mode: { type: 'string', value: 'CRD' } }],
  ['SpaceToDepth', [2, 3, 4, 6], side(2)],
]

test.each(CASES)('%s of %j is a copy in the program', async (op, shape, attributes) => {
  const model = modelOf([{ op, inputs: ['x'], outputs: ['y'], attributes }], { inputs: { x: 'f32' }, outputs: ['y'] })
  expect(opsOf(await expectSame(model, { x: waves(shape) }))).toEqual(['copy'])
})

test.each(CASES)('%s of %j moves images of a convolution as they lie', async (op, shape, attributes) => {
  const model = modelOf(
    [
      { op: 'Conv', inputs: ['x', 'w'], outputs: ['a'] },
      { op, inputs: ['a'], outputs: ['b'], attributes },
      { op: 'Relu', inputs: ['b'], outputs: ['y'] },
    ],
    { inputs: { x: 'f32' }, outputs: ['y'], constants: { w: waves([shape[1]!, 2, 1, 1], 3) } },
  )
  const x = waves([shape[0]!, 2, shape[2]!, shape[3]!], 2)
  expect(opsOf(await expectSame(model, { x }))).toEqual(['copy', 'conv', 'copy', 'map', 'copy'])
})

test.each<[readonly number[], readonly number[]]>([
  [
    [2, 3],
    [2, 2],
  ],
  [
    [1, 3, 1, 2],
    [3, 1, 4, 2],
  ],
  [[5], [3]],
])('Tile of %j by %j is a copy in the program', async (shape, repeats) => {
  const model = modelOf(
    [
      { op: 'Exp', inputs: ['x'], outputs: ['a'] },
      { op: 'Tile', inputs: ['a', 'repeats'], outputs: ['y'] },
    ],
    { inputs: { x: 'f32' }, outputs: ['y'], constants: { repeats: tensor('i64', [repeats.length], BigInt64Array.from(repeats, BigInt)) } },
  )
  expect(opsOf(await expectSame(model, { x: waves(shape) }))).toEqual(['map', 'copy'])
})

test.each([
  [13, -1],
  [11, 1],
])('LogSoftmax of version %i along %i', async (opset, axis) => {
  const model = modelOf([{ op: 'LogSoftmax', inputs: ['x'], outputs: ['y'], attributes: { axis: { type: 'int', value: axis } } }], {
    inputs: { x: 'f32' },
    outputs: ['y'],
    opset,
  })
  const x = waves([3, 4, 5])
  const data = (x.data as Float32Array).map(value => 300 * value)
  expect(opsOf(await expectSame(model, { x: { ...x, data } as typeof x }))).toEqual(['reduce', 'map'])
})
