/**
 * How the cells of a small table (the operand) lie in a large one whose variables include its own. Both list their variables
 * slowest first. Neighbouring dimensions that the operand walks in one stride are one loop: the large table is walked from
 * front to back in `outer.length` blocks of `middle` rows of `inner` cells.
 */
export interface StridedPlan {
  /** Offset of each block in the operand. */
  readonly outer: Int32Array
  readonly middle: number
  readonly middleStride: number
  readonly inner: number
  readonly innerStride: number
}

/**
 * Plans a walk.
 *
 * @param scope - variables of the large table
 * @param operand - variables of the operand, all of them in `scope`, in any order
 */
export function planStrides(scope: readonly number[], operand: readonly number[], cards: ArrayLike<number>): StridedPlan {
  // Loops from the fastest to the slowest, neighbours joined where one stride continues the other.
  const sizes: number[] = []
  const strides: number[] = []
  for (let i = scope.length - 1; i >= 0; i--) {
    const variable = scope[i]!
    const size = cards[variable]!
    if (size === 1) continue
    const stride = strideOf(variable, operand, cards)
    const last = sizes.length - 1
    if (last >= 0 && stride === strides[last]! * sizes[last]!) sizes[last]! *= size
    else {
      sizes.push(size)
      strides.push(stride)
    }
  }
  let outer = new Int32Array(1)
  for (let d = sizes.length - 1; d >= 2; d--) outer = repeated(outer, sizes[d]!, strides[d]!)
  return { outer, middle: sizes[1] ?? 1, middleStride: strides[1] ?? 0, inner: sizes[0] ?? 1, innerStride: strides[0] ?? 0 }
}

/** Distance between two states of a variable in a table over `scope`; 0 where it is not in it. */
function strideOf(variable: number, scope: readonly number[], cards: ArrayLike<number>): number {
  let stride = 1
  for (let i = scope.length - 1; i >= 0; i--) {
    if (scope[i] === variable) return stride
    stride *= cards[scope[i]!]!
  }
  return 0
}

function repeated(offsets: Int32Array, size: number, stride: number): Int32Array<ArrayBuffer> {
  const out = new Int32Array(offsets.length * size)
  let at = 0
  for (let i = 0; i < offsets.length; i++) for (let k = 0; k < size; k++) out[at++] = offsets[i]! + k * stride
  return out
}

/** The place in a table over `operand` of every cell of one over `scope`; variables that are not in both count as state 0. */
export function placesIn(scope: readonly number[], operand: readonly number[], cards: ArrayLike<number>): Int32Array {
  let places = new Int32Array(1)
  for (const variable of scope) places = repeated(places, cards[variable]!, strideOf(variable, operand, cards))
  return places
}

/** target[i] = operand[place of i] */
export function fillStrided(
  target: Float64Array,
  operand: Float64Array,
  { outer, middle, middleStride, inner, innerStride }: StridedPlan,
): void {
  let i = 0
  for (let o = 0; o < outer.length; o++) {
    let at = outer[o]!
    for (let m = 0; m < middle; m++) {
      if (innerStride === 0) {
        const value = operand[at]!
        for (let k = 0; k < inner; k++) target[i++] = value
      } else if (innerStride === 1) for (let k = 0; k < inner; k++) target[i++] = operand[at + k]!
      else for (let k = 0, s = at; k < inner; k++, s += innerStride) target[i++] = operand[s]!
      at += middleStride
    }
  }
}

/** target[i] *= operand[place of i] */
export function multiplyStrided(
  target: Float64Array,
  operand: Float64Array,
  { outer, middle, middleStride, inner, innerStride }: StridedPlan,
): void {
  let i = 0
  for (let o = 0; o < outer.length; o++) {
    let at = outer[o]!
    for (let m = 0; m < middle; m++) {
      if (innerStride === 0) {
        const value = operand[at]!
        for (let k = 0; k < inner; k++) target[i++]! *= value
      } else if (innerStride === 1) for (let k = 0; k < inner; k++) target[i++]! *= operand[at + k]!
      else for (let k = 0, s = at; k < inner; k++, s += innerStride) target[i++]! *= operand[s]!
      at += middleStride
    }
  }
}

/** operand[place of i] += source[i] */
export function sumStrided(
  source: Float64Array,
  operand: Float64Array,
  { outer, middle, middleStride, inner, innerStride }: StridedPlan,
): void {
  let i = 0
  for (let o = 0; o < outer.length; o++) {
    let at = outer[o]!
    for (let m = 0; m < middle; m++) {
      if (innerStride === 0) {
        let sum = 0
        for (let k = 0; k < inner; k++) sum += source[i++]!
        operand[at]! += sum
      } else if (innerStride === 1) for (let k = 0; k < inner; k++) operand[at + k]! += source[i++]!
      else for (let k = 0, s = at; k < inner; k++, s += innerStride) operand[s]! += source[i++]!
      at += middleStride
    }
  }
}
