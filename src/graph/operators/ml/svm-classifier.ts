import type { GraphTensor, Operator, OperatorCall } from '../../operator.ts'
import { tensorFromNumbers, workNumbers } from '../support/index.ts'
import { checkGraph } from '../support/values.ts'
import { binaryLabels, type ClassLabels, greatest, labelTensor, readClassLabels } from './class-labels.ts'
import { type FeatureRows, featureRows } from './feature-rows.ts'
import { coupleProbabilities } from './pairwise-probabilities.ts'
import { binaryScores, logistic, type PostTransform, readPostTransform, transformScores } from './post-transform.ts'
import { kernelValues } from './svm-kernel.ts'

/** Votes between each pair of classes by support vectors; without support vectors a linear model per class. */
const svmClassifier: Operator = {
  domain: 'ai.onnx.ml',
  name: 'SVMClassifier',
  run: call => {
    const features = featureRows(call)
    const labels = readClassLabels(call, 'classlabels_ints')
    const transform = readPostTransform(call)
    const perClass = call.attributes.ints('vectors_per_class', [])
    const vectors = perClass.reduce((sum, count) => sum + count, 0)
    return vectors > 0 ? pairwise(call, features, labels, transform, perClass) : linear(call, features, labels, transform)
  },
}

function linear(call: OperatorCall, features: FeatureRows, labels: ClassLabels, transform: PostTransform): readonly GraphTensor[] {
  const { rows } = features
  const rho = call.attributes.floats('rho')[0]
  checkGraph(rho !== undefined, call, 'rho is empty')
  const classes = labels.length
  const scores = kernelValues(call, features, call.attributes.floats('coefficients'), classes, true)
  const picks = new Int32Array(rows)
  for (let row = 0; row < rows; row++) {
    const start = row * classes
    for (let at = 0; at < classes; at++) scores[start + at]! += rho
    picks[row] = classes === 1 ? Number(scores[start]! > 0) : greatest(scores, start, classes)
    transformScores(transform, scores, start, classes)
  }
  return [labelTensor(call, classes === 1 ? binaryLabels(labels) : labels, picks), tensorFromNumbers(call, 'f32', [rows, classes], scores)]
}

function pairwise(
  call: OperatorCall,
  features: FeatureRows,
  labels: ClassLabels,
  transform: PostTransform,
  perClass: readonly number[],
): readonly GraphTensor[] {
  const { rows } = features
  const { attributes } = call
  const classes = labels.length
  const pairs = (classes * (classes - 1)) / 2
  const fits = perClass.length === classes && classes >= 2 && perClass.every(count => count >= 0)
  checkGraph(fits, call, `vectors_per_class has ${perClass.length} entries for ${classes} labels`)
  const vectors = perClass.reduce((sum, count) => sum + count, 0)
  const coefficients = attributes.floats('coefficients')
  checkGraph(coefficients.length === (classes - 1) * vectors, call, `${coefficients.length} coefficients for ${vectors} vectors`)
  const [rho, slopes, shifts] = [attributes.floats('rho'), attributes.floats('prob_a', []), attributes.floats('prob_b', [])]
  const isCalibrated = slopes.length > 0
  const perPair = rho.length >= pairs && slopes.length === shifts.length && (!isCalibrated || slopes.length >= pairs)
  checkGraph(perPair, call, `rho, prob_a and prob_b have ${rho.length}, ${slopes.length}, ${shifts.length} entries for ${pairs} pairs`)
  const kernels = kernelValues(call, features, attributes.floats('support_vectors'), vectors, false)
  const decide = decisionsOf(perClass, Float64Array.from(coefficients), rho)
  const decisions = new Float64Array(pairs)
  const votes = new Float64Array(classes)
  const picks = new Int32Array(rows)
  const width = isCalibrated || classes === 2 ? classes : pairs
  const scores = workNumbers(call, rows * width)
  for (let row = 0; row < rows; row++) {
    decide(kernels, row * vectors, decisions, votes)
    picks[row] = greatest(votes, 0, classes)
    const start = row * width
    if (!isCalibrated && classes === 2) {
      scores.set(binaryScores(transform, decisions[0]!, transform !== 'NONE'), start)
      continue
    }
    scores.set(isCalibrated ? calibrated(decisions, classes, slopes, shifts) : decisions, start)
    transformScores(transform, scores, start, width)
  }
  return [labelTensor(call, labels, picks), tensorFromNumbers(call, 'f32', [rows, width], scores)]
}

type Decide = (kernels: Float64Array, start: number, decisions: Float64Array, votes: Float64Array) => void

/** Decides every pair of classes for the kernels of one row: positive for the first of the pair, which then has the vote. */
function decisionsOf(perClass: readonly number[], coefficients: Float64Array, rho: readonly number[]): Decide {
  const classes = perClass.length
  const starts = [0]
  for (const count of perClass) starts.push(starts.at(-1)! + count)
  const vectors = starts[classes]!
  return (kernels, start, decisions, votes) => {
    votes.fill(0)
    let pair = 0
    for (let i = 0; i < classes; i++)
      for (let j = i + 1; j < classes; j++, pair++) {
        let sum = rho[pair]!
        // A class has one row of coefficients less than there are classes: none against itself.
        for (let at = starts[i]!; at < starts[i + 1]!; at++) sum += coefficients[(j - 1) * vectors + at]! * kernels[start + at]!
        for (let at = starts[j]!; at < starts[j + 1]!; at++) sum += coefficients[i * vectors + at]! * kernels[start + at]!
        decisions[pair] = sum
        votes[sum > 0 ? i : j]!++
      }
  }
}

const LEAST_PROBABILITY = 1e-7

/** Probabilities of the classes from the decisions between pairs. */
function calibrated(decisions: Float64Array, classes: number, slopes: readonly number[], shifts: readonly number[]): Float64Array {
  const pairs = new Float64Array(classes * classes)
  let pair = 0
  for (let i = 0; i < classes; i++)
    for (let j = i + 1; j < classes; j++, pair++) {
      const p = logistic(-(decisions[pair]! * slopes[pair]! + shifts[pair]!))
      const bounded = Math.min(Math.max(p, LEAST_PROBABILITY), 1 - LEAST_PROBABILITY)
      pairs[i * classes + j] = bounded
      pairs[j * classes + i] = 1 - bounded
    }
  return coupleProbabilities(pairs, classes)
}

/** Classification by support vectors. */
export const svmClassifierOperators: readonly Operator[] = [svmClassifier]
