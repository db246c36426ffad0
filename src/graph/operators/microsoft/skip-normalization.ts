import { checkShape, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { normalizeTrailing } from '../normalization/index.ts'
import { numbersOf, showShape, tensorFromNumbers } from '../support/index.ts'

/** Normalization of the sum of an input, a residual and a bias; the sum itself is the fourth output. */
function skipNormalization(call: OperatorCall, centered: boolean): ReturnType<Operator['run']> {
  const [input, skip, gamma] = [tensorInput(call, 0), tensorInput(call, 1), tensorInput(call, 2)]
  const beta = centered ? optionalTensor(call, 3) : undefined
  const bias = optionalTensor(call, centered ? 4 : 3)
  const { shape, dtype } = input
  const sums = numbersOf(call, input)
  const residual = numbersOf(call, skip)
  const tail = shape.slice(shape.length - Math.min(skip.shape.length, shape.length)).join()
  const fits = residual.length > 0 && sums.length % residual.length === 0 && (skip.shape.join() === tail || skip.shape[0] === 1)
  checkShape(fits || sums.length === 0, call, `skip ${showShape(skip.shape)} does not fit ${showShape(shape)}`)
  for (let index = 0, at = 0; index < sums.length; index++, at = at + 1 === residual.length ? 0 : at + 1) sums[index]! += residual[at]!
  if (bias) {
    const added = numbersOf(call, bias)
    checkShape(added.length === shape.at(-1), call, `bias has ${added.length} elements for rows of ${shape.at(-1)}`)
    for (let index = 0, at = 0; index < sums.length; index++, at = at + 1 === added.length ? 0 : at + 1) sums[index]! += added[at]!
  }
  const total = call.outputCount > 3 ? tensorFromNumbers(call, dtype, shape, sums.slice()) : undefined
  const epsilon = call.attributes.float('epsilon', 1e-12)
  const { values, moments, momentShape } = normalizeTrailing(call, sums, shape, { axis: -1, epsilon, centered, scale: gamma, bias: beta })
  return [
    tensorFromNumbers(call, dtype, shape, values),
    call.outputCount > 1 && centered ? tensorFromNumbers(call, 'f32', momentShape, moments.mean) : undefined,
    call.outputCount > 2 ? tensorFromNumbers(call, 'f32', momentShape, moments.inverse) : undefined,
    total,
  ]
}

/** Older exporters put these into ai.onnx. */
export const skipNormalizationOperators: readonly Operator[] = ['com.microsoft', ''].flatMap(domain => [
  { domain, name: 'SkipLayerNormalization', run: (call: OperatorCall) => skipNormalization(call, true) },
  { domain, name: 'SkipSimplifiedLayerNormalization', run: (call: OperatorCall) => skipNormalization(call, false) },
])
