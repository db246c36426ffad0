import { afterAll, expect, test } from 'vitest'
import { columnwiseSum, linearClassifier, temporaryFolder } from '../../test/tensor-models.ts'
import type { TensorModel } from '../core/index.ts'
import { load, predictTable } from './index.ts'

const folder = temporaryFolder()
afterAll(folder.remove)

function loadModel(name: string, content: Uint8Array): Promise<TensorModel> {
  return load(folder.write(name, content), { kind: 'tensor', backend: 'reference' })
}

const share = (x: number): number => 1 / (1 + Math.exp(-2 * x))

test('labels with probabilities by class, from rows of numbers', async () => {
  await using model = await loadModel('zipped.onnx', linearClassifier())
  const predictions = await predictTable(model, [
    [2, 0],
    [-1, 7],
  ])
  expect(predictions.map(({ value }) => value)).toEqual(['plus', 'minus'])
  expect(predictions[0]!.probabilities!['plus']).toBeCloseTo(share(2), 5)
  expect(predictions[1]!.probabilities!['plus']).toBeCloseTo(share(-1), 5)
})

test('probabilities in a matrix are named by the caller', async () => {
  await using model = await loadModel('matrix.onnx', linearClassifier({ isZipped: false }))
  expect(Object.keys((await predictTable(model, [[1, 1]]))[0]!.probabilities!)).toEqual(['0', '1'])
  const [named] = await predictTable(model, [[1, 1]], { classes: ['plus', 'minus'] })
  expect(named!.probabilities!['plus']).toBeCloseTo(share(1), 5)
})

test('named columns: in the order asked for, and texts that are numbers', async () => {
  await using model = await loadModel('named.onnx', linearClassifier())
  const row = { second: '9', first: '-3' }
  const [prediction] = await predictTable(model, [row], { columns: ['first', 'second'] })
  expect(prediction).toMatchObject({ value: 'minus' })
  expect((await predictTable(model, [row]))[0]).toMatchObject({ value: 'plus' })
})

test('columns that are inputs of their own are matched by name; others are left out', async () => {
  await using model = await loadModel('columns.onnx', columnwiseSum())
  expect(await predictTable(model, [{ other: 'x', right: 4, left: 1 }])).toEqual([{ value: 5 }])
  expect(await predictTable(model, [[1, 4]])).toEqual([{ value: 5 }])
  expect(await predictTable(model, [])).toEqual([])
})

test('what does not fit is told with its place', async () => {
  await using model = await loadModel('columns2.onnx', columnwiseSum())
  await expect(predictTable(model, [{ left: 1, rigth: 2 }])).rejects.toMatchObject({ message: expect.stringContaining('"rigth"') })
  await expect(predictTable(model, [{ left: 1, right: 'two' }])).rejects.toMatchObject({ details: { row: 1, column: 'right' } })
  await expect(predictTable(model, [[1, 2, 3]])).rejects.toMatchObject({ code: 'SHAPE_MISMATCH' })
  await expect(predictTable(model, [[1, 2], { left: 1, right: 2 }])).rejects.toMatchObject({ details: { row: 2 } })
  await expect(predictTable(model, [[1, 2], [1]])).rejects.toMatchObject({ details: { row: 2, column: '2' } })
  expect((await predictTable(model, [[1, null]]))[0]!.value).toBeNaN()
})
