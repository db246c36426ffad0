import type { BufferType } from '../buffer.ts'
import type { Dim } from '../dims.ts'
import { check, operand } from '../op.ts'

/** How a window moves over the two middle axes of an image `[B, H, W, C]`. All pairs are (height, width). */
export interface WindowAttributes {
  /** Pixels between neighbouring outputs; 1 by default. */
  readonly strides?: readonly [number, number]
  /** Pixels added around the image: top, left, bottom, right; 0 by default. */
  readonly pads?: readonly [number, number, number, number]
  /** Pixels between neighbouring taps; 1 by default. */
  readonly dilations?: readonly [number, number]
}

/** A window with every attribute in place. */
export interface Window extends Required<WindowAttributes> {
  /** Taps along height and width. */
  readonly kernel: readonly [number, number]
}

/** Strides, pads, dilations and taps are at most this. */
const MAX_WINDOW = 65_535

/** Attributes with their defaults, checked. @throws HenceError `PROGRAM_INVALID` */
export function windowOf(op: string, kernel: readonly [number, number], attributes: WindowAttributes): Window {
  const { strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1] } = attributes
  const isWhole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least && value <= MAX_WINDOW
  for (const [name, values, count, least] of [
    ['kernel', kernel, 2, 1],
    ['strides', strides, 2, 1],
    ['pads', pads, 4, 0],
    ['dilations', dilations, 2, 1],
  ] as const)
    check(
      values.length === count && values.every(value => isWhole(value, least)),
      op,
      `${name} must be ${count} integers in ${least}..${MAX_WINDOW}, are [${values}]`,
    )
  return { kernel, strides, pads, dilations }
}

/** The type of an image operand: f32 `[B, H, W, C]`. */
export function imageOperand(op: string, name: string, type: BufferType | undefined): readonly [Dim, Dim, Dim, Dim] {
  return operand(op, name, type, 'f32', 4).shape as readonly [Dim, Dim, Dim, Dim]
}

/**
 * Positions of a window along one axis (0 height, 1 width). A symbolic size stays as it is under a window that keeps sizes.
 *
 * @throws HenceError `PROGRAM_INVALID` where the window is larger than the padded axis
 */
export function windowPositions(op: string, { kernel, strides, pads, dilations }: Window, axis: 0 | 1, size: Dim): Dim {
  const padding = pads[axis]! + pads[axis + 2]!
  const reach = dilations[axis]! * (kernel[axis]! - 1)
  if (typeof size !== 'number') {
    check(strides[axis] === 1 && padding === reach, op, 'a size known only when the program runs needs a window that keeps sizes')
    return size
  }
  check(size + padding > reach, op, `a window of ${reach + 1} does not fit into ${size} + ${padding} pixels`)
  return Math.floor((size + padding - reach - 1) / strides[axis]!) + 1
}
