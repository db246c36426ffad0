import { checkShape, type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import { denseMatrix, multiplyAdd, transposed } from '../linear/index.ts'
import { checkedCount, elementTypeAttribute, numbersOf, sameShape, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'
import { checkGroups, softmaxRow } from './attend.ts'
import { emptyHeads, headMatrix, headsOf, headsTensor } from './heads.ts'

/** Attention whose scores and probabilities may pass through graphs of the model's own. */
const flexAttention: Operator = {
  domain: 'ai.onnx.preview',
  name: 'FlexAttention',
  async run(call) {
    const inputs = [0, 1, 2].map(position => tensorInput(call, position)) as [GraphTensor, GraphTensor, GraphTensor]
    for (const input of inputs)
      checkShape(input.shape.length === 4, call, `Q, K and V must have 4 axes, one has the shape ${showShape(input.shape)}`)
    const [q, k, v] = [
      headsOf(call, inputs[0], undefined, 'Q'),
      headsOf(call, inputs[1], undefined, 'K'),
      headsOf(call, inputs[2], undefined, 'V'),
    ]
    const fits = q.size === k.size && q.batch === k.batch && k.batch === v.batch && k.length === v.length && k.heads === v.heads
    checkShape(
      fits,
      call,
      `Q ${showShape(inputs[0].shape)}, K ${showShape(inputs[1].shape)} and V ${showShape(inputs[2].shape)} do not fit`,
    )
    const group = checkGroups(call, q.heads, k.heads)
    const shape = [q.batch, q.heads, q.length, k.length]
    let scores = workNumbers(call, checkedCount(call, shape))
    const scale = call.attributes.float('scale', 1 / Math.sqrt(q.size))
    const matrixSize = q.length * k.length
    const scoreMatrix = (b: number, h: number) => denseMatrix(scores, k.length, (b * q.heads + h) * matrixSize)
    for (let b = 0; b < q.batch; b++)
      for (let h = 0; h < q.heads; h++)
        multiplyAdd(scoreMatrix(b, h), headMatrix(q, b, h), transposed(headMatrix(k, b, Math.floor(h / group))), q.length, q.size, k.length)
    for (let index = 0; index < scores.length; index++) scores[index]! *= scale
    scores = await modify(call, 'score_mod', inputs[0].dtype, shape, scores)
    for (let row = 0; row < scores.length; row += k.length) softmaxRow(scores, row, k.length)
    scores = await modify(call, 'prob_mod', inputs[0].dtype, shape, scores)
    const output = emptyHeads(call, 4, q.batch, q.heads, q.length, v.size)
    for (let b = 0; b < q.batch; b++)
      for (let h = 0; h < q.heads; h++)
        multiplyAdd(headMatrix(output, b, h), scoreMatrix(b, h), headMatrix(v, b, Math.floor(h / group)), q.length, k.length, v.size)
    return [headsTensor(call, output, 4, inputs[0].dtype)]
  },
}

/** The values a graph attribute makes of `values`; the same without the attribute. */
async function modify(
  call: OperatorCall,
  name: string,
  dtype: GraphTensor['dtype'],
  shape: readonly number[],
  values: Float64Array<ArrayBuffer>,
): Promise<Float64Array<ArrayBuffer>> {
  if (!call.attributes.has(name)) return values
  const precision = elementTypeAttribute(call, 'softmax_precision', dtype === 'f64' ? 'f64' : 'f32')
  const [result] = await call.host.runGraph(call.attributes.graph(name), [tensorFromNumbers(call, precision, shape, values)])
  const fits = result !== undefined && 'data' in result && sameShape(result.shape, shape)
  checkShape(fits, call, `${name} must return one tensor of the shape ${showShape(shape)}`)
  return numbersOf(call, result)
}

export const flexAttentionOperators: readonly Operator[] = [flexAttention]
