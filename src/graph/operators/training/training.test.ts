import { describe, expect, it } from 'vitest'
import { f32, failureOf, i64, int, runOperator, text } from '../../../../test/operator-call.ts'

describe('losses', () => {
  it('leave ignored labels out of the mean', async () => {
    const scores = f32([2, 2], 0, Math.log(3), 5, 5)
    const attributes = { ignore_index: int(-1) }
    const [loss, logs] = await runOperator('SoftmaxCrossEntropyLoss', [scores, i64([2], 1, -1)], { attributes, outputs: 2 })
    expect(loss!.data[0]).toBeCloseTo(Math.log(4 / 3), 6)
    expect(logs!.data[2]).toBeCloseTo(-Math.LN2, 6)
  })

  it('refuse labels that are no class', async () => {
    expect(await failureOf(() => runOperator('NegativeLogLikelihoodLoss', [f32([1, 2]), i64([1], 2)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('NegativeLogLikelihoodLoss', [f32([1, 2]), i64([2], 0, 1)]))).toBe('SHAPE_MISMATCH')
    const attributes = { reduction: text('most') }
    expect(await failureOf(() => runOperator('NegativeLogLikelihoodLoss', [f32([1, 2]), i64([1], 0)], { attributes }))).toBe(
      'GRAPH_INVALID',
    )
  })
})

describe('optimizers', () => {
  it('refuse tensors that do not come in sets', async () => {
    const domain = 'ai.onnx.preview.training'
    expect(await failureOf(() => runOperator('Adagrad', [f32([], 1), i64([], 0), f32([1]), f32([1])], { domain }))).toBe('GRAPH_INVALID')
    expect(await failureOf(() => runOperator('Adagrad', [f32([], 1), i64([], 0), f32([1]), f32([2]), f32([1])], { domain }))).toBe(
      'SHAPE_MISMATCH',
    )
  })
})
