import { checkShape, type Operator, type OperatorCall } from '../../operator.ts'
import { tensorFromNumbers, workNumbers } from '../support/index.ts'
import { checkGraph } from '../support/values.ts'
import { binaryLabels, greatest, labelTensor, readClassLabels } from './class-labels.ts'
import { type FeatureRows, featureRows } from './feature-rows.ts'
import { binaryScores, readPostTransform, transformScores } from './post-transform.ts'

/** Weighted sums of features with an intercept, `[rows, targets]`. */
function linearScores(call: OperatorCall, { rows, columns, values }: FeatureRows, targets: number): Float64Array<ArrayBuffer> {
  const coefficients = call.attributes.floats('coefficients', [])
  const intercepts = call.attributes.floats('intercepts', [])
  const fits = coefficients.length === targets * columns
  checkShape(fits, call, `${coefficients.length} coefficients do not fit ${targets} targets of ${columns} features`, { columns })
  checkGraph(intercepts.length === 0 || intercepts.length === targets, call, `${intercepts.length} intercepts for ${targets} targets`)
  const weights = Float64Array.from(coefficients)
  const scores = workNumbers(call, rows * targets)
  for (let row = 0; row < rows; row++)
    for (let target = 0; target < targets; target++) {
      let sum = intercepts[target] ?? 0
      for (let at = 0; at < columns; at++) sum += values[row * columns + at]! * weights[target * columns + at]!
      scores[row * targets + target] = sum
    }
  return scores
}

/** Weighted sums of features. */
const linearRegressor: Operator = {
  domain: 'ai.onnx.ml',
  name: 'LinearRegressor',
  run: call => {
    const features = featureRows(call)
    const targets = call.attributes.int('targets', 1)
    checkGraph(targets >= 1, call, `targets must be at least 1, is ${targets}`)
    const transform = readPostTransform(call)
    const scores = linearScores(call, features, targets)
    for (let row = 0; row < features.rows; row++) transformScores(transform, scores, row * targets, targets)
    return [tensorFromNumbers(call, 'f32', [features.rows, targets], scores)]
  },
}

/** The label with the greatest weighted sum; a single sum decides by its sign between two labels. */
const linearClassifier: Operator = {
  domain: 'ai.onnx.ml',
  name: 'LinearClassifier',
  run: call => {
    const features = featureRows(call)
    const { rows, columns } = features
    const { attributes } = call
    const labels = readClassLabels(call, 'classlabels_ints')
    const transform = readPostTransform(call)
    const targets =
      attributes.floats('intercepts', []).length || Math.round(attributes.floats('coefficients').length / Math.max(columns, 1))
    checkGraph(targets >= 1, call, 'there are no coefficients')
    checkGraph(targets === 1 || targets <= labels.length, call, `${targets} rows of coefficients for ${labels.length} labels`)
    const scores = linearScores(call, features, targets)
    const picks = new Int32Array(rows)
    for (let row = 0; row < rows; row++) {
      const start = row * targets
      picks[row] = targets === 1 ? Number(scores[start]! > 0) : greatest(scores, start, targets)
    }
    const chosen = labelTensor(call, targets === 1 ? binaryLabels(labels) : labels, picks)
    if (targets > 1 || labels.length !== 2) {
      for (let row = 0; row < rows; row++) transformScores(transform, scores, row * targets, targets)
      return [chosen, tensorFromNumbers(call, 'f32', [rows, targets], scores)]
    }
    const pairs = workNumbers(call, rows * 2)
    for (let row = 0; row < rows; row++) pairs.set(binaryScores(transform, scores[row]!, true), row * 2)
    return [chosen, tensorFromNumbers(call, 'f32', [rows, 2], pairs)]
  },
}

/** Linear models. */
export const linearModelOperators: readonly Operator[] = [linearRegressor, linearClassifier]
