import type { Operator } from '../../operator.ts'
import { tensorFromNumbers, workNumbers } from '../support/index.ts'
import { checkGraph } from '../support/values.ts'
import { featureRows } from './feature-rows.ts'
import { readPostTransform, transformScores } from './post-transform.ts'
import { kernelValues } from './svm-kernel.ts'

/** A weighted sum of kernels with support vectors; with `one_class` its sign. Without support vectors a linear model. */
const svmRegressor: Operator = {
  domain: 'ai.onnx.ml',
  name: 'SVMRegressor',
  run: call => {
    const features = featureRows(call)
    const { attributes } = call
    const coefficients = attributes.floats('coefficients')
    const supports = attributes.int('n_supports', 0)
    const rho = attributes.floats('rho')[0]
    checkGraph(rho !== undefined, call, 'rho is empty')
    const isLinear = supports <= 0
    const count = isLinear ? 1 : supports
    checkGraph(isLinear || coefficients.length === count, call, `${coefficients.length} coefficients for ${count} support vectors`)
    const kernels = kernelValues(call, features, isLinear ? coefficients : attributes.floats('support_vectors'), count, isLinear)
    const isOneClass = attributes.int('one_class', 0) !== 0
    const transform = readPostTransform(call)
    const scores = workNumbers(call, features.rows)
    for (let row = 0; row < features.rows; row++) {
      let sum = rho
      for (let at = 0; at < count; at++) sum += kernels[row * count + at]! * (isLinear ? 1 : coefficients[at]!)
      scores[row] = isOneClass ? (sum > 0 ? 1 : -1) : sum
      transformScores(transform, scores, row, 1)
    }
    return [tensorFromNumbers(call, 'f32', [features.rows, 1], scores)]
  },
}

/** Regression by support vectors. */
export const svmRegressorOperators: readonly Operator[] = [svmRegressor]
