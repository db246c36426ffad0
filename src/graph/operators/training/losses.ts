import { HenceError } from '../../../core/index.ts'
import { checkShape, type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { integersOf, numbersOf, sameShape, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** Scores of `batch × classes × plane` and the class each position should have. */
interface Labelled {
  readonly batch: number
  readonly classes: number
  readonly plane: number
  /** -1 where the position is ignored. */
  readonly labels: readonly number[]
  readonly weights: Float64Array | undefined
}

function readLabels(call: OperatorCall, scores: GraphTensor, target: GraphTensor): Labelled {
  const { shape } = scores
  const expected = [shape[0]!, ...shape.slice(2)]
  checkShape(
    shape.length >= 2 && sameShape(target.shape, expected),
    call,
    `labels ${showShape(target.shape)} do not fit ${showShape(shape)}`,
  )
  const classes = shape[1]!
  const ignored = call.attributes.has('ignore_index') ? call.attributes.int('ignore_index') : undefined
  const labels = integersOf(call, target, 'labels')
  for (const [index, label] of labels.entries())
    if (label === ignored) labels[index] = -1
    else checkShape(label >= 0 && label < classes, call, `label ${label} is outside ${classes} classes`, { label, classes })
  const weight = optionalTensor(call, 2)
  const weights = weight && numbersOf(call, weight)
  checkShape(!weights || weights.length === classes, call, `${weights?.length} weights for ${classes} classes`)
  return { batch: shape[0]!, classes, plane: shape.slice(2).reduce((a, b) => a * b, 1), labels, weights }
}

/** The weighted loss of every position from log-probabilities, reduced as the attribute says. */
function lossOf(
  call: OperatorCall,
  logits: Float64Array,
  { batch, classes, plane, labels, weights }: Labelled,
  target: GraphTensor,
  dtype: GraphTensor['dtype'],
): GraphTensor {
  const reduction = call.attributes.string('reduction', 'mean')
  const losses = workNumbers(call, batch * plane)
  let total = 0
  let weightTotal = 0
  for (let b = 0, index = 0; b < batch; b++)
    for (let p = 0; p < plane; p++, index++) {
      const label = labels[index]!
      if (label < 0) continue
      const weight = weights ? weights[label]! : 1
      losses[index] = -logits[(b * classes + label) * plane + p]! * weight
      total += losses[index]!
      weightTotal += weight
    }
  if (reduction === 'none') return tensorFromNumbers(call, dtype, target.shape, losses)
  if (reduction === 'sum') return tensorFromNumbers(call, dtype, [], Float64Array.of(total))
  if (reduction === 'mean') return tensorFromNumbers(call, dtype, [], Float64Array.of(total / weightTotal))
  throw new HenceError('GRAPH_INVALID', `${call.node}: reduction is ${reduction}`, { node: call.node, reduction })
}

/** The negative of the log-probability each position gives its label. */
const negativeLogLikelihoodLoss: Operator = {
  domain: '',
  name: 'NegativeLogLikelihoodLoss',
  run(call) {
    const [scores, target] = [tensorInput(call, 0), tensorInput(call, 1)]
    return [lossOf(call, numbersOf(call, scores), readLabels(call, scores, target), target, scores.dtype)]
  },
}

/** The same loss of the softmax of scores over classes, with the log-probabilities themselves. */
const softmaxCrossEntropyLoss: Operator = {
  domain: '',
  name: 'SoftmaxCrossEntropyLoss',
  run(call) {
    const [scores, target] = [tensorInput(call, 0), tensorInput(call, 1)]
    const labelled = readLabels(call, scores, target)
    const { batch, classes, plane } = labelled
    const values = numbersOf(call, scores)
    for (let b = 0; b < batch; b++)
      for (let p = 0; p < plane; p++) {
        const start = b * classes * plane + p
        const end = start + classes * plane
        let greatest = Number.NEGATIVE_INFINITY
        for (let index = start; index < end; index += plane) greatest = Math.max(greatest, values[index]!)
        let sum = 0
        for (let index = start; index < end; index += plane) sum += Math.exp(values[index]! - greatest)
        const shift = greatest + Math.log(sum)
        for (let index = start; index < end; index += plane) values[index]! -= shift
      }
    const loss = lossOf(call, values, labelled, target, scores.dtype)
    return [loss, call.outputCount > 1 ? tensorFromNumbers(call, scores.dtype, scores.shape, values) : undefined]
  },
}

export const lossOperators: readonly Operator[] = [negativeLogLikelihoodLoss, softmaxCrossEntropyLoss]
