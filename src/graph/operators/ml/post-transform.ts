import type { OperatorCall } from '../../operator.ts'
import { checkGraph } from '../support/values.ts'

const TRANSFORMS = ['NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO', 'PROBIT'] as const

/** What becomes of scores at the end. */
export type PostTransform = (typeof TRANSFORMS)[number]

/** The transform an attribute names, by name or (TreeEnsemble) by number. @throws HenceError `GRAPH_INVALID` */
export function readPostTransform(call: OperatorCall): PostTransform {
  const given = call.attributes.raw('post_transform')
  if (given?.type === 'int') {
    const transform = TRANSFORMS[given.value]
    checkGraph(transform !== undefined, call, `post_transform ${given.value} is unknown`)
    return transform
  }
  const name = call.attributes.string('post_transform', 'NONE')
  const transform = TRANSFORMS.find(known => known === name)
  checkGraph(transform !== undefined, call, `post_transform "${name}" is unknown`)
  return transform
}

/**
 * Transforms the scores of one row in place. A row of one score only knows PROBIT, as in ONNX Runtime.
 *
 * @param scores - many rows; this one has `count` scores from `start` on
 */
export function transformScores(transform: PostTransform, scores: Float64Array, start: number, count: number): void {
  const end = start + count
  if (transform === 'PROBIT') for (let at = start; at < end; at++) scores[at] = probit(scores[at]!)
  else if (count === 1) return
  else if (transform === 'LOGISTIC') for (let at = start; at < end; at++) scores[at] = logistic(scores[at]!)
  else if (transform !== 'NONE') softmax(scores, start, end, transform === 'SOFTMAX_ZERO')
}

/**
 * Scores of the two classes from the single score of "yes".
 *
 * @param isProbability - the score counts from 0 to 1; otherwise its sign decides
 */
export function binaryScores(transform: PostTransform, score: number, isProbability: boolean): readonly [no: number, yes: number] {
  if (transform === 'LOGISTIC') return [logistic(-score), logistic(score)]
  if (transform === 'PROBIT') return [-probit(score), probit(score)]
  return [isProbability ? 1 - score : -score, score]
}

/** `1 / (1 + exp(-x))` */
export function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x))
}

/** Scores so close to zero count as no evidence under SOFTMAX_ZERO and stay zero. */
const NO_EVIDENCE = 1e-7

function softmax(scores: Float64Array, start: number, end: number, keepsZeros: boolean): void {
  let most = Number.NEGATIVE_INFINITY
  for (let at = start; at < end; at++) most = Math.max(most, scores[at]!)
  let sum = 0
  for (let at = start; at < end; at++) {
    const score = scores[at]!
    if (keepsZeros && Math.abs(score) <= NO_EVIDENCE) scores[at] = score * Math.exp(-most)
    else {
      scores[at] = Math.exp(score - most)
      sum += scores[at]!
    }
  }
  if (sum > 0) for (let at = start; at < end; at++) scores[at]! /= sum
}

/** Quantile of the normal distribution by the error function's approximate inverse. Source: S. Winitzki, 2008, a = 0.147 */
function probit(p: number): number {
  const x = 2 * p - 1
  const log = Math.log((1 - x) * (1 + x))
  const a = 2 / (Math.PI * 0.147) + log / 2
  return Math.SQRT2 * (x < 0 ? -1 : 1) * Math.sqrt(Math.sqrt(a * a - log / 0.147) - a)
}
