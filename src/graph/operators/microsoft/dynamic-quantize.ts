import { roundHalfEven } from '../support/index.ts'

/**
 * Replaces numbers by the 8-bit codes (less their zero point) a range of their own gives them, and returns the scale: code ·
 * scale is close to the number. Zero keeps a code of its own. Source: DynamicQuantizeLinear of ai.onnx.
 */
export function quantizeDynamically(values: Float64Array): number {
  let least = 0
  let greatest = 0
  for (let index = 0; index < values.length; index++) {
    if (values[index]! < least) least = values[index]!
    if (values[index]! > greatest) greatest = values[index]!
  }
  const scale = least === greatest ? 1 : Math.fround(Math.fround(greatest - least) / 255)
  const zero = Math.min(255, Math.max(0, roundHalfEven(Math.fround(-least / scale))))
  for (let index = 0; index < values.length; index++)
    values[index] = Math.min(255, Math.max(0, roundHalfEven(Math.fround(values[index]! / scale)) + zero)) - zero
  return scale
}
