import { allocate } from '../../core/index.ts'
import type { Dim } from '../dims.ts'
import { check, type Op } from '../op.ts'

/** A region of the output and where its elements come from. Distances are in elements. */
export interface CopyPart {
  /** Number of the operand read; a part without one takes the fill value. */
  readonly input?: number
  readonly shape: readonly Dim[]
  readonly inputOffset?: Dim
  /** Zero repeats an element along the axis, a negative number walks backwards. Left out with `input`. */
  readonly inputStrides?: readonly Dim[]
  readonly outputOffset?: Dim
  /** Never negative. */
  readonly outputStrides: readonly Dim[]
}

export interface CopyAttributes {
  /** Shape of the output. */
  readonly shape: readonly Dim[]
  /** Regions that do not overlap and together cover the output. */
  readonly parts: readonly CopyPart[]
  /** Value of parts without an input; 0 by default. For f16 and bf16 the bits. */
  readonly fill?: number
}

export const MAX_COPY_AXES = 8

/**
 * Moves elements of any dtype: for every index i of a part, `y[outputOffset + i · outputStrides] =
 * input[inputOffset + i · inputStrides]`. One op for transposing, slicing, expanding, reversing, joining and padding; see
 * copy-parts.ts. Where all sizes are numbers, every part is checked against its operands; symbolic ones are trusted.
 */
export const copy: Op<CopyAttributes> = {
  name: 'copy',
  operands: ['x', '*'],
  infer(inputs, { shape, parts }) {
    const type = inputs[0]
    check(type !== undefined, 'copy', 'operand x is missing')
    for (const [i, input] of inputs.entries())
      check(input?.dtype === type.dtype, 'copy', `input ${i} is ${input?.dtype}, the first is ${type.dtype}`)
    check(parts.length > 0, 'copy', 'there are no parts')
    for (const [i, part] of parts.entries()) {
      const { input, shape: axes, inputStrides, outputStrides, inputOffset = 0, outputOffset = 0 } = part
      check(axes.length <= MAX_COPY_AXES && outputStrides.length === axes.length, 'copy', `part ${i} has ${axes.length} axes`)
      check((input === undefined) === (inputStrides === undefined), 'copy', `part ${i} must have an input and its strides, or neither`)
      checkRegion(`output of part ${i}`, axes, outputOffset, outputStrides, shape)
      check(!outputStrides.some(stride => typeof stride === 'number' && stride < 0), 'copy', `part ${i} has a negative output stride`)
      if (input === undefined || inputStrides === undefined) continue
      check(inputs[input] !== undefined, 'copy', `part ${i} reads operand ${input}, which is not there`)
      check(inputStrides.length === axes.length, 'copy', `part ${i} has ${inputStrides.length} strides for ${axes.length} axes`)
      checkRegion(`input of part ${i}`, axes, inputOffset, inputStrides, inputs[input].shape)
    }
    return [{ dtype: type.dtype, shape }]
  },
  run({ inputs, outputs: [output], attributes: { parts, fill = 0 }, resolve }) {
    for (const part of parts) {
      const source = part.input === undefined ? undefined : inputs[part.input]!
      const from = source?.data ?? filled(output!.dtype, fill)
      const shape = part.shape.map(resolve)
      const inputStrides = part.inputStrides?.map(resolve) ?? shape.map(() => 0)
      const outputStrides = part.outputStrides.map(resolve)
      const to = output!.data
      walk(shape, inputStrides, outputStrides, resolve(part.inputOffset ?? 0), resolve(part.outputOffset ?? 0), (x, y) => {
        to[y] = from[x]!
      })
    }
  },
}

/** One element holding the fill value. */
export function filled(dtype: Parameters<typeof allocate>[0], fill: number): ArrayLike<number | bigint> {
  const one = allocate(dtype, 1) as unknown as Record<number, number | bigint>
  one[0] = dtype === 'i64' || dtype === 'u64' ? BigInt(fill) : fill
  return one as unknown as ArrayLike<number | bigint>
}

function checkRegion(what: string, shape: readonly Dim[], offset: Dim, strides: readonly Dim[], whole: readonly Dim[]): void {
  if (![...shape, offset, ...strides, ...whole].every(dim => typeof dim === 'number')) return
  const sizes = shape as readonly number[]
  check(
    sizes.every(size => Number.isSafeInteger(size) && size >= 0),
    'copy',
    `${what} has a shape of ${shape}`,
  )
  if (sizes.includes(0)) return
  let first = offset as number
  let last = first
  for (const [axis, size] of sizes.entries()) {
    const reach = (size - 1) * (strides[axis] as number)
    if (reach < 0) first += reach
    else last += reach
  }
  const count = (whole as readonly number[]).reduce((product, size) => product * size, 1)
  check(first >= 0 && last < count, 'copy', `${what} reaches elements ${first} to ${last} of ${count}`, { first, last, count })
}

/** Visits both offsets of every index of a shape, last axis fastest. */
function walk(
  shape: readonly number[],
  inputStrides: readonly number[],
  outputStrides: readonly number[],
  x: number,
  y: number,
  visit: (x: number, y: number) => void,
  axis = 0,
): void {
  if (axis === shape.length) visit(x, y)
  else
    for (let i = 0; i < shape[axis]!; i++)
      walk(shape, inputStrides, outputStrides, x + i * inputStrides[axis]!, y + i * outputStrides[axis]!, visit, axis + 1)
}
