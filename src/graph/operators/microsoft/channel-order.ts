import type { OperatorCall } from '../../operator.ts'
import { workNumbers } from '../support/index.ts'

interface Ordered {
  readonly values: Float64Array<ArrayBuffer>
  readonly shape: readonly number[]
}

/** `batch × … × channels` as `batch × channels × …`. */
export function channelsFirst(call: OperatorCall, values: Float64Array, shape: readonly number[]): Ordered {
  const channels = shape.at(-1) ?? 1
  return { values: exchange(call, values, shape[0] ?? 1, channels, false), shape: [shape[0]!, channels, ...shape.slice(1, -1)] }
}

/** `batch × channels × …` as `batch × … × channels`. */
export function channelsLast(call: OperatorCall, values: Float64Array, shape: readonly number[]): Ordered {
  const channels = shape[1] ?? 1
  return { values: exchange(call, values, shape[0] ?? 1, channels, true), shape: [shape[0]!, ...shape.slice(2), channels] }
}

function exchange(call: OperatorCall, values: Float64Array, batch: number, channels: number, toLast: boolean): Float64Array<ArrayBuffer> {
  const moved = workNumbers(call, values.length)
  const plane = batch * channels === 0 ? 0 : values.length / (batch * channels)
  for (let b = 0; b < batch; b++)
    for (let channel = 0; channel < channels; channel++)
      for (let position = 0; position < plane; position++) {
        const first = (b * channels + channel) * plane + position
        const last = (b * plane + position) * channels + channel
        if (toLast) moved[last] = values[first]!
        else moved[first] = values[last]!
      }
  return moved
}
