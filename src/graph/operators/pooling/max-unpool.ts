import { elementCount } from '../../../core/index.ts'
import { checkShape, type Operator, tensorInput } from '../../operator.ts'
import { checkList, padsAttribute, spatialAttribute } from '../convolution/index.ts'
import {
  checkedCount,
  integersOf,
  numbersOf,
  optionalIntegers,
  sameShape,
  showShape,
  stridesOf,
  tensorFromNumbers,
  workNumbers,
} from '../support/index.ts'

/** Puts pooled maxima back where they were; zeros elsewhere. */
const maxUnpool: Operator = {
  domain: '',
  name: 'MaxUnpool',
  run(call) {
    const [x, indexTensor] = [tensorInput(call, 0), tensorInput(call, 1)]
    checkShape(x.shape.length >= 3, call, `input must have spatial axes, has the shape ${showShape(x.shape)}`)
    checkShape(sameShape(x.shape, indexTensor.shape), call, `indices ${showShape(indexTensor.shape)} do not match ${showShape(x.shape)}`)
    const rank = x.shape.length - 2
    const kernel = call.attributes.ints('kernel_shape')
    checkList(call, 'kernel_shape', kernel, rank, 1)
    const strides = spatialAttribute(call, 'strides', rank)
    const { padsBegin, padsEnd } = padsAttribute(call, rank)
    const spatial = kernel.map((size, axis) => (x.shape[axis + 2]! - 1) * strides[axis]! - padsBegin[axis]! - padsEnd[axis]! + size)
    const inferred = [x.shape[0]!, x.shape[1]!, ...spatial]
    const shape = optionalIntegers(call, 2, 'output_shape') ?? inferred
    const fits = shape.length === inferred.length && shape.every((size, axis) => size >= inferred[axis]!)
    checkShape(fits, call, `output_shape ${showShape(shape)} is smaller than ${showShape(inferred)}`, { shape, inferred })
    const y = workNumbers(call, checkedCount(call, shape))
    const size = checkedCount(call, inferred)
    const indices = integersOf(call, indexTensor, 'indices')
    const values = numbersOf(call, x)
    // Indices count in the pooled input's own shape, which lies in the first corner of the output.
    const [from, to] = [stridesOf(inferred), stridesOf(shape)]
    const same = sameShape(shape, inferred)
    for (let index = 0; index < elementCount(x.shape); index++) {
      const at = indices[index]!
      checkShape(at >= 0 && at < size, call, `index ${at} is outside ${size} elements`, { index: at, size })
      let target = same ? at : 0
      if (!same)
        for (let axis = 0, rest = at; axis < shape.length; axis++) {
          target += Math.floor(rest / from[axis]!) * to[axis]!
          rest %= from[axis]!
        }
      y[target] = values[index]!
    }
    return [tensorFromNumbers(call, x.dtype, shape, y)]
  },
}

export const maxUnpoolOperators: readonly Operator[] = [maxUnpool]
