import type { BufferType } from '../buffer.ts'
import type { Dim } from '../dims.ts'
import { agree, check, knownDim, operand } from '../op.ts'

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
 * The shape `[B, OH, OW, N]` a convolution of images `[B, H, W, C]` gives, once its operands are found to fit together.
 *
 * @throws HenceError `PROGRAM_INVALID`
 */
export function convolvedShape(
  op: string,
  [batch, height, width, channels]: readonly Dim[],
  { weight, bias, residual }: Readonly<Record<'weight' | 'bias' | 'residual', BufferType | undefined>>,
  { groups = 1, ...attributes }: WindowAttributes & { readonly groups?: number },
): readonly [Dim, Dim, Dim, number] {
  const sizes = operand(op, 'weight', weight, 'f32', 4).shape.map(dim => knownDim(op, 'sizes of a weight', dim))
  const [n, kernelHeight, kernelWidth, groupChannels] = sizes as [number, number, number, number]
  const window = windowOf(op, [kernelHeight, kernelWidth], attributes)
  check(Number.isInteger(groups) && groups >= 1 && n % groups === 0, op, `${n} filters cannot form ${groups} groups`)
  agree(op, 'channels of x and weight', channels!, groupChannels * groups)
  if (bias) agree(op, 'bias and weight', operand(op, 'bias', bias, 'f32', 1).shape[0]!, n)
  const shape = [batch!, windowPositions(op, window, 0, height!), windowPositions(op, window, 1, width!), n] as const
  if (residual)
    for (const [axis, dim] of imageOperand(op, 'residual', residual).entries()) agree(op, 'residual and output', dim, shape[axis]!)
  return shape
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
