import { type Dim, denseStrides, productDim } from '../dims.ts'
import type { CopyAttributes, CopyPart } from './copy.ts'

/** Axes in another order: axis i of the output is axis `order[i]` of x. */
export function transposed(shape: readonly Dim[], order: readonly number[]): CopyAttributes {
  const strides = denseStrides(shape)
  const result = order.map(axis => shape[axis]!)
  return whole(
    result,
    order.map(axis => strides[axis]!),
  )
}

/** x repeated to a larger shape along axes of size 1 and new leading ones, as numpy broadcasts. */
export function expanded(shape: readonly Dim[], to: readonly Dim[]): CopyAttributes {
  const strides = denseStrides(shape)
  const added = to.length - shape.length
  return whole(
    to,
    to.map((size, axis) => (axis < added || (shape[axis - added] === 1 && size !== 1) ? 0 : strides[axis - added]!)),
  )
}

/** Elements `starts + i · steps` along each axis, `sizes` of them; a step may be negative. */
export function sliced(
  shape: readonly number[],
  starts: readonly number[],
  steps: readonly number[],
  sizes: readonly number[],
): CopyAttributes {
  const strides = denseStrides(shape) as readonly number[]
  return whole(
    sizes,
    strides.map((stride, axis) => stride * steps[axis]!),
    strides.reduce((sum, stride, axis) => sum + stride * starts[axis]!, 0),
  )
}

/** Operands joined along an axis; where sizes along it are symbolic, only the last may be. */
export function concatenated(shapes: readonly (readonly Dim[])[], axis: number): CopyAttributes {
  const first = shapes[0]!
  const lengths = shapes.map(shape => shape[axis]!)
  const known = lengths.every(length => typeof length === 'number')
  const result = first.map((size, i) => (i !== axis || !known ? size : (lengths as number[]).reduce((sum, length) => sum + length, 0)))
  const outputStrides = denseStrides(result)
  let before = 0
  const parts = shapes.map((shape, input): CopyPart => {
    const outputOffset = productDim(before, outputStrides[axis]!)
    before += shape[axis] as number
    return { input, shape, inputStrides: denseStrides(shape), outputOffset, outputStrides }
  })
  return { shape: result, parts }
}

/** x with `before` and `after` elements of the fill value around it; negative numbers cut. */
export function padded(shape: readonly number[], before: readonly number[], after: readonly number[], fill = 0): CopyAttributes {
  const result = shape.map((size, axis) => Math.max(0, size + before[axis]! + after[axis]!))
  const inputStrides = denseStrides(shape) as readonly number[]
  const outputStrides = denseStrides(result) as readonly number[]
  const begins = before.map((count, axis) => Math.min(Math.max(count, 0), result[axis]!))
  const ends = shape.map((size, axis) => Math.max(begins[axis]!, Math.min(size + before[axis]!, result[axis]!)))
  const offset = (starts: readonly number[], strides: readonly number[]) => starts.reduce((sum, at, axis) => sum + at * strides[axis]!, 0)
  const inner = begins.map((begin, axis) => ends[axis]! - begin)
  const parts: CopyPart[] = []
  if (!inner.includes(0))
    parts.push({
      input: 0,
      shape: inner,
      inputStrides,
      outputStrides,
      outputOffset: offset(begins, outputStrides),
      inputOffset: offset(
        begins.map((begin, axis) => begin - before[axis]!),
        inputStrides,
      ),
    })
  // Slabs before and after along each axis, within the inner region of the axes before it.
  for (const axis of result.keys())
    for (const [from, to] of [
      [0, begins[axis]!],
      [ends[axis]!, result[axis]!],
    ] as const) {
      const slab = result.map((size, i) => (i < axis ? inner[i]! : i === axis ? to - from : size))
      const starts = result.map((_, i) => (i < axis ? begins[i]! : i === axis ? from : 0))
      if (!slab.includes(0)) parts.push({ shape: slab, outputStrides, outputOffset: offset(starts, outputStrides) })
    }
  if (parts.length === 0) parts.push({ shape: result, outputStrides })
  return { shape: result, parts, fill }
}

/** x continued along an axis by its own elements: mirrored at the outermost ones, which are not repeated, or these repeated. */
export function continued(shape: readonly number[], axis: number, before: number, after: number, mode: 'reflect' | 'edge'): CopyAttributes {
  const size = shape[axis]!
  const result = shape.map((count, i) => (i === axis ? before + size + after : count))
  const [inputStrides, outputStrides] = [denseStrides(shape), denseStrides(result)] as [readonly number[], readonly number[]]
  const stride = inputStrides[axis]!
  const part = (first: number, count: number, from: number, step: number): CopyPart => ({
    input: 0,
    shape: shape.map((own, i) => (i === axis ? count : own)),
    inputOffset: from * stride,
    inputStrides: inputStrides.map((own, i) => (i === axis ? step * stride : own)),
    outputOffset: first * outputStrides[axis]!,
    outputStrides,
  })
  const mirrors = mode === 'reflect'
  const parts = [
    part(0, before, mirrors ? before : 0, mirrors ? -1 : 0),
    part(before, size, 0, 1),
    part(before + size, after, mirrors ? size - 2 : size - 1, mirrors ? -1 : 0),
  ]
  return { shape: result, parts: parts.filter(({ shape: own }) => !own.includes(0)) }
}

function whole(shape: readonly Dim[], inputStrides: readonly Dim[], inputOffset: Dim = 0): CopyAttributes {
  return { shape, parts: [{ input: 0, shape, inputOffset, inputStrides, outputStrides: denseStrides(shape) }] }
}
