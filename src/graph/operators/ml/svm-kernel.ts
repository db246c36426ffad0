import { checkShape, type OperatorCall } from '../../operator.ts'
import { workNumbers } from '../support/index.ts'
import { checkGraph } from '../support/values.ts'
import type { FeatureRows } from './feature-rows.ts'

/**
 * The kernel of every row with every vector, `[rows, vectors]`.
 *
 * @param vectors - `[count, columns]`
 * @param isLinear - whatever `kernel_type` says
 * @throws HenceError `GRAPH_INVALID` for an unknown kernel, `SHAPE_MISMATCH` where vectors do not fit the features
 */
export function kernelValues(
  call: OperatorCall,
  features: FeatureRows,
  vectors: readonly number[],
  count: number,
  isLinear: boolean,
): Float64Array<ArrayBuffer> {
  const { rows, columns, values } = features
  const fits = vectors.length === count * columns
  checkShape(fits, call, `${count} vectors of ${vectors.length} entries in all do not fit ${columns} features`, { columns, count })
  const { attributes } = call
  const name = isLinear ? 'LINEAR' : attributes.string('kernel_type', 'LINEAR')
  const [gamma = 0, offset = 0, degree = 0] = attributes.floats('kernel_params', [])
  const finish = finisher(call, name, gamma, offset, degree)
  const support = Float64Array.from(vectors)
  const measure = name === 'RBF' ? squaredDistance : dot
  const output = workNumbers(call, rows * count)
  for (let row = 0; row < rows; row++)
    for (let at = 0; at < count; at++) output[row * count + at] = finish(measure(values, row * columns, support, at * columns, columns))
  return output
}

/** From a dot product or squared distance to the kernel. */
function finisher(call: OperatorCall, name: string, gamma: number, offset: number, degree: number): (x: number) => number {
  switch (name) {
    case 'LINEAR':
      return x => x
    case 'POLY':
      return x => (gamma * x + offset) ** degree
    case 'RBF':
      return x => Math.exp(-gamma * x)
    case 'SIGMOID':
      return x => Math.tanh(gamma * x + offset)
  }
  checkGraph(false, call, `kernel_type "${name}" is unknown`, { name })
}

function dot(a: Float64Array, aStart: number, b: Float64Array, bStart: number, count: number): number {
  let sum = 0
  for (let at = 0; at < count; at++) sum += a[aStart + at]! * b[bStart + at]!
  return sum
}

function squaredDistance(a: Float64Array, aStart: number, b: Float64Array, bStart: number, count: number): number {
  let sum = 0
  for (let at = 0; at < count; at++) {
    const difference = a[aStart + at]! - b[bStart + at]!
    sum += difference * difference
  }
  return sum
}
