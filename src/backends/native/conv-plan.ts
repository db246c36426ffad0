import type { ConvAttributes, Instruction, Program } from '../../program/index.ts'

/** How a convolution is computed; the order of `ConvMethod` in native/kernels.h. */
export const CONV_METHODS = ['dense', 'lanes', 'winograd'] as const
export type ConvMethod = (typeof CONV_METHODS)[number]

/** Filters per group up to which the lanes of a vector hold filters of several groups. */
const MOST_LANE_FILTERS = 8
/** Multiply-adds that kernels do while they fetch one byte of weights, or while they take one number to or from its 36 points. */
const WORK_PER_WEIGHT_BYTE = 6
const WORK_PER_TRANSFORMED_NUMBER = 8
/** Vectors and panels have this many columns. */
const COLUMNS = 16

/**
 * Chooses the method of a convolution from its sizes. Few filters per group go to lanes. A 3x3 convolution of stride 1 is done
 * by Winograd's method where the arithmetic it saves is worth the transforms and four times the weights; that is so for
 * images of a dozen pixels and more. All others are matrix products.
 */
export function convMethod({ buffers }: Program, { inputs, outputs, attributes }: Instruction): ConvMethod {
  const { groups = 1, strides = [1, 1], dilations = [1, 1], algorithm } = attributes as ConvAttributes
  const [n, kernelHeight, kernelWidth, depth] = buffers[inputs[1]!]!.shape as readonly [number, number, number, number]
  if (groups > 1) return n / groups <= MOST_LANE_FILTERS ? 'lanes' : 'dense'
  const isSuitable = [kernelHeight, kernelWidth].every(size => size === 3) && [...strides, ...dilations].every(step => step === 1)
  if (!isSuitable || algorithm === 'direct') return 'dense'
  if (algorithm === 'winograd') return 'winograd'
  const [, height, width] = buffers[outputs[0]!]!.shape
  // Sizes known only when the program runs are those of detectors and other work on large images.
  if (typeof height !== 'number' || typeof width !== 'number') return depth >= COLUMNS ? 'winograd' : 'dense'
  const tiles = Math.ceil(height / 4) * Math.ceil(width / 4)
  const cost = (products: number, weights: number): number => Math.max(products, weights * 4 * WORK_PER_WEIGHT_BYTE)
  const direct = cost(height * width * 9 * n * depth, 9 * n * depth)
  const transforms = 36 * tiles * (wholeVectors(n) + wholeVectors(depth)) * WORK_PER_TRANSFORMED_NUMBER
  return cost(36 * tiles * n * depth, 36 * n * depth) + transforms < direct ? 'winograd' : 'dense'
}

function wholeVectors(count: number): number {
  return Math.ceil(count / COLUMNS) * COLUMNS
}
