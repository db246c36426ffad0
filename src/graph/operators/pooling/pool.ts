import { elementCount } from '../../../core/index.ts'
import { checkShape, type GraphTensor, type OperatorCall } from '../../operator.ts'
import { readWindows, type Windows } from '../convolution/index.ts'
import { checkedCount, showShape } from '../support/index.ts'

/** Windows of a pooling operator over `batch × channels × spatial…`. */
export interface PoolPlan {
  readonly windows: Windows
  /** batch · channels. */
  readonly planes: number
  readonly inputSize: number
  readonly outputSize: number
  readonly shape: readonly number[]
}

/** Reads kernel_shape, strides, pads and the like. @throws HenceError `GRAPH_INVALID`, `SHAPE_MISMATCH` */
export function planPool(call: OperatorCall, x: GraphTensor): PoolPlan {
  checkShape(x.shape.length >= 3, call, `input must have spatial axes, has the shape ${showShape(x.shape)}`)
  const windows = readWindows(call, x.shape.slice(2), call.attributes.ints('kernel_shape'))
  const shape = [x.shape[0]!, x.shape[1]!, ...windows.output]
  checkedCount(call, shape)
  return {
    windows,
    planes: x.shape[0]! * x.shape[1]!,
    inputSize: elementCount(windows.input),
    outputSize: elementCount(windows.output),
    shape,
  }
}
