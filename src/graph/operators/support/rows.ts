/** What {@link forEachRow} passes for each row: where it starts in every operand. The array is reused between rows. */
export type RowVisitor = (offsets: readonly number[], length: number, steps: readonly number[]) => void

/**
 * Walks several strided operands over one shape in row-major order, a row at a time. Axes are merged where every operand
 * allows it, so a row is as long as it can be.
 *
 * @param shape - sizes all operands are walked with
 * @param strides - per operand, the stride along each axis of `shape`
 * @param visit - called with each operand's offset, the row's length and each operand's step along it
 * @param starts - per operand, the offset of the first element; zeros without it
 */
export function forEachRow(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  visit: RowVisitor,
  starts?: readonly number[],
): void {
  if (shape.includes(0)) return
  const merged = mergeAxes(shape, strides)
  const last = merged.sizes.length - 1
  const length = merged.sizes[last]!
  const steps = merged.strides.map(own => own[last]!)
  // A plain array: its small integers index faster than doubles would.
  const offsets = starts ? [...starts] : new Array<number>(strides.length).fill(0)
  const counters = new Array<number>(last).fill(0)
  for (;;) {
    visit(offsets, length, steps)
    let axis = last - 1
    for (; axis >= 0; axis--) {
      const count = counters[axis]! + 1
      const wraps = count === merged.sizes[axis]
      counters[axis] = wraps ? 0 : count
      const move = wraps ? 1 - merged.sizes[axis]! : 1
      for (let operand = 0; operand < offsets.length; operand++) offsets[operand]! += move * merged.strides[operand]![axis]!
      if (!wraps) break
    }
    if (axis < 0) return
  }
}

/** Drops axes of size 1 and joins neighbours that every operand walks as one; at least one axis remains. */
function mergeAxes(shape: readonly number[], strides: readonly (readonly number[])[]): { sizes: number[]; strides: number[][] } {
  const sizes: number[] = []
  const merged: number[][] = strides.map(() => [])
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis]!
    if (size === 1) continue
    const last = sizes.length - 1
    const joins = last >= 0 && strides.every((own, operand) => merged[operand]![last] === own[axis]! * size)
    if (joins) sizes[last]! *= size
    else sizes.push(size)
    for (const [operand, own] of strides.entries()) merged[operand]![sizes.length - 1] = own[axis]!
  }
  if (sizes.length === 0) {
    sizes.push(1)
    for (const own of merged) own.push(0)
  }
  return { sizes, strides: merged }
}
