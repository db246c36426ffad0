import { type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { elementTypeAttribute, normalizeAxis, numbersOf, tensorFromNumbers } from '../support/index.ts'
import { type RowMoments, scaleAndShift, standardizeRows, stretchedNumbers } from './standardize.ts'

/** A normalization over the trailing axes of a tensor, in doubles. */
export interface Normalized {
  readonly values: Float64Array<ArrayBuffer>
  readonly moments: RowMoments
  /** Shape of the moments: the normalized axes have size 1. */
  readonly momentShape: readonly number[]
}

/** How a normalization over trailing axes is done. */
export interface TrailingNorm {
  readonly axis: number
  readonly epsilon: number
  readonly centered: boolean
  readonly scale: GraphTensor | undefined
  readonly bias?: GraphTensor | undefined
}

/** Normalizes `values` of `shape` in place along `axis` and those after it, then scales and shifts. */
export function normalizeTrailing(
  call: OperatorCall,
  values: Float64Array<ArrayBuffer>,
  shape: readonly number[],
  { axis, epsilon, centered, scale, bias }: TrailingNorm,
): Normalized {
  const first = normalizeAxis(call, axis, shape.length)
  const size = shape.slice(first).reduce((a, b) => a * b, 1)
  const moments = standardizeRows(call, values, size, epsilon, centered)
  scaleAndShift(values, scale && stretchedNumbers(call, scale, shape), bias && stretchedNumbers(call, bias, shape))
  return { values, moments, momentShape: shape.map((length, i) => (i < first ? length : 1)) }
}

/** LayerNormalization of ai.onnx, with the same operator of com.microsoft. */
function layerNormalization(domain: string): Operator {
  return {
    domain,
    name: 'LayerNormalization',
    run(call) {
      const x = tensorInput(call, 0)
      const { values, moments, momentShape } = normalizeTrailing(call, numbersOf(call, x), x.shape, {
        axis: call.attributes.int('axis', -1),
        epsilon: call.attributes.float('epsilon', 1e-5),
        centered: true,
        scale: tensorInput(call, 1),
        bias: optionalTensor(call, 2),
      })
      const stash = elementTypeAttribute(call, 'stash_type', 'f32')
      return [
        tensorFromNumbers(call, x.dtype, x.shape, values),
        call.outputCount > 1 ? tensorFromNumbers(call, stash, momentShape, moments.mean) : undefined,
        call.outputCount > 2 ? tensorFromNumbers(call, stash, momentShape, moments.inverse) : undefined,
      ]
    },
  }
}

/** The root-mean-square norm; older exporters call it SimplifiedLayerNormalization, in either domain. */
function rmsNormalization(domain: string, name: string): Operator {
  return {
    domain,
    name,
    run(call) {
      const x = tensorInput(call, 0)
      const scale = tensorInput(call, 1)
      const { values, moments, momentShape } = normalizeTrailing(call, numbersOf(call, x), x.shape, {
        axis: call.attributes.int('axis', -1),
        epsilon: call.attributes.float('epsilon', 1e-5),
        centered: false,
        scale,
      })
      const stash = elementTypeAttribute(call, 'stash_type', 'f32')
      return [
        tensorFromNumbers(call, scale.dtype, x.shape, values),
        call.outputCount > 1 ? tensorFromNumbers(call, stash, momentShape, moments.inverse) : undefined,
      ]
    },
  }
}

export const layerNormalizationOperators: readonly Operator[] = [
  layerNormalization(''),
  layerNormalization('com.microsoft'),
  rmsNormalization('', 'RMSNormalization'),
  rmsNormalization('', 'SimplifiedLayerNormalization'),
  rmsNormalization('com.microsoft', 'SimplifiedLayerNormalization'),
]
