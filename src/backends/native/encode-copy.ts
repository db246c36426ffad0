import { DTYPE_BYTES } from '../../core/index.ts'
import { type Buffer, type CopyAttributes, type CopyPart, type Dim, filled, productDim, sameDim } from '../../program/index.ts'
import type { Encoder } from './encoder.ts'

const NONE = 0xffffffff
/** As kCopyAxes in native/kernels.h. */
export const COPY_AXES = 6

/** One axis that a copy walks. */
export interface CopyAxis {
  readonly size: Dim
  readonly input: Dim
  readonly output: Dim
}

/**
 * The axes of a part with as few as the movement needs: without axes of size 1, ordered from the largest output stride to
 * the smallest where all are known, and with neighbours joined that are walked like one.
 */
export function mergedAxes({ shape, inputStrides, outputStrides }: CopyPart): readonly CopyAxis[] {
  const axes = shape
    .map((size, axis): CopyAxis => ({ size, input: inputStrides?.[axis] ?? 0, output: outputStrides[axis]! }))
    .filter(({ size }) => size !== 1)
  if (axes.every(({ output }) => typeof output === 'number')) axes.sort((a, b) => (b.output as number) - (a.output as number))
  const merged: CopyAxis[] = []
  for (const axis of axes) {
    const last = merged.at(-1)
    const isContinued =
      last && sameDim(last.input, productDim(axis.size, axis.input)) && sameDim(last.output, productDim(axis.size, axis.output))
    if (isContinued) merged[merged.length - 1] = { ...axis, size: productDim(last.size, axis.size) }
    else merged.push(axis)
  }
  return merged
}

/** True when the kernel has enough axes for every part. */
export function hasCopyKernel({ parts }: CopyAttributes): boolean {
  return parts.every(part => mergedAxes(part).length <= COPY_AXES)
}

/** Operand words: y, bytes of an element, the fill value's bits, then the parts. */
export function encodeCopy(
  inputs: readonly number[],
  output: number,
  { dtype }: Buffer,
  attributes: CopyAttributes,
  encoder: Encoder,
): readonly number[] {
  const { parts, fill = 0 } = attributes
  const one = filled(dtype, fill) as unknown as ArrayBufferView
  const bits = new Uint32Array(2)
  new Uint8Array(bits.buffer).set(new Uint8Array(one.buffer, one.byteOffset, one.byteLength))
  const words = [output, DTYPE_BYTES[dtype], ...bits, parts.length]
  for (const part of parts) {
    const axes = mergedAxes(part)
    const padding = Array.from({ length: COPY_AXES - axes.length }, (): CopyAxis => ({ size: 1, input: 0, output: 0 }))
    const all = [...padding, ...axes]
    const backwards = all.reduce((mask, { input }, axis) => mask | (isNegative(input) ? 1 << axis : 0), 0)
    words.push(part.input === undefined ? NONE : inputs[part.input]!, backwards)
    for (const dim of [part.inputOffset ?? 0, part.outputOffset ?? 0]) words.push(encoder.dim(dim))
    for (const { size, input, output: stride } of all)
      words.push(encoder.dim(size), encoder.dim(isNegative(input) ? productDim(-1, input) : input), encoder.dim(stride))
  }
  return words
}

function isNegative(dim: Dim): boolean {
  if (typeof dim === 'number') return dim < 0
  return dim.kind === 'product' && dim.factors.some(factor => typeof factor === 'number' && factor < 0)
}
