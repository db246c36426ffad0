import type { GraphTensor, OperatorCall } from '../../operator.ts'
import { outputTensor } from '../support/index.ts'
import { checkGraph } from '../support/values.ts'

/** The labels of a classifier, all strings or all integers. */
export type ClassLabels = readonly string[] | readonly bigint[]

/**
 * Reads the labels a classifier must have in one of two attributes.
 *
 * @throws HenceError `GRAPH_INVALID` when there are none
 */
export function readClassLabels(call: OperatorCall, integers: string, strings = 'classlabels_strings'): ClassLabels {
  const { attributes } = call
  const texts = attributes.strings(strings, [])
  const labels: ClassLabels = texts.length > 0 ? texts : attributes.ints(integers, []).map(BigInt)
  checkGraph(labels.length > 0, call, `one of ${strings} and ${integers} must give labels`)
  return labels
}

/** Labels of "no" and "yes": the first two, or 0 and 1 where there is only one. */
export function binaryLabels(labels: ClassLabels): ClassLabels {
  if (labels.length >= 2) return labels
  return typeof labels[0] === 'string' ? ['0', '1'] : [0n, 1n]
}

/** The labels at `picks`, as the tensor of their type. */
export function labelTensor(call: OperatorCall, labels: ClassLabels, picks: Int32Array): GraphTensor {
  if (typeof labels[0] === 'string') {
    const output = outputTensor(call, 'string', [picks.length])
    for (let row = 0; row < picks.length; row++) output.data[row] = labels[picks[row]!] as string
    return output
  }
  const output = outputTensor(call, 'i64', [picks.length])
  for (let row = 0; row < picks.length; row++) output.data[row] = labels[picks[row]!] as bigint
  return output
}

/** Position of the first of the greatest of `count` scores. */
export function greatest(scores: Float64Array, start: number, count: number): number {
  let best = 0
  for (let at = 1; at < count; at++) if (scores[start + at]! > scores[start + best]!) best = at
  return best
}
