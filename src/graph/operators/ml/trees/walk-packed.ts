/** Nodes of one tree, two words each. The root has slot 1. */
export interface PackedNodes {
  readonly words: Int32Array
  readonly columnBits: number
}

/**
 * Four rows at a time, so that while one waits for its node the others go on. Comparisons become numbers, not branches:
 * which way a row turns cannot be predicted.
 */
export function walkUneven({ words, columnBits }: PackedNodes, keys: Int32Array, stride: number, rows: number, leaves: Int32Array): void {
  const mask = (1 << columnBits) - 1
  let row = 0
  for (; row + 4 <= rows; row += 4) {
    const first = row * stride
    const second = first + stride
    const third = second + stride
    const fourth = third + stride
    let a = 2
    let b = 2
    let c = 2
    let d = 2
    let moved = 0
    do {
      const wordA = words[a + 1]!
      const wordB = words[b + 1]!
      const wordC = words[c + 1]!
      const wordD = words[d + 1]!
      const nextA = ((wordA >>> columnBits) + (Number(keys[first + (wordA & mask)]! > words[a]!) | 0)) << 1
      const nextB = ((wordB >>> columnBits) + (Number(keys[second + (wordB & mask)]! > words[b]!) | 0)) << 1
      const nextC = ((wordC >>> columnBits) + (Number(keys[third + (wordC & mask)]! > words[c]!) | 0)) << 1
      const nextD = ((wordD >>> columnBits) + (Number(keys[fourth + (wordD & mask)]! > words[d]!) | 0)) << 1
      moved = (nextA ^ a) | (nextB ^ b) | (nextC ^ c) | (nextD ^ d)
      a = nextA
      b = nextB
      c = nextC
      d = nextD
    } while (moved !== 0)
    leaves[row] = a >> 1
    leaves[row + 1] = b >> 1
    leaves[row + 2] = c >> 1
    leaves[row + 3] = d >> 1
  }
  for (; row < rows; row++) leaves[row] = walkOne(words, columnBits, keys, row * stride)
}

/** {@link walkUneven} for a tree whose leaves lie about equally deep: every row takes `depth` steps. */
export function walkEven(
  { words, columnBits }: PackedNodes,
  depth: number,
  keys: Int32Array,
  stride: number,
  rows: number,
  leaves: Int32Array,
): void {
  const mask = (1 << columnBits) - 1
  let row = 0
  for (; row + 4 <= rows; row += 4) {
    const first = row * stride
    const second = first + stride
    const third = second + stride
    const fourth = third + stride
    let a = 2
    let b = 2
    let c = 2
    let d = 2
    for (let level = 0; level < depth; level++) {
      const wordA = words[a + 1]!
      const wordB = words[b + 1]!
      const wordC = words[c + 1]!
      const wordD = words[d + 1]!
      a = ((wordA >>> columnBits) + (Number(keys[first + (wordA & mask)]! > words[a]!) | 0)) << 1
      b = ((wordB >>> columnBits) + (Number(keys[second + (wordB & mask)]! > words[b]!) | 0)) << 1
      c = ((wordC >>> columnBits) + (Number(keys[third + (wordC & mask)]! > words[c]!) | 0)) << 1
      d = ((wordD >>> columnBits) + (Number(keys[fourth + (wordD & mask)]! > words[d]!) | 0)) << 1
    }
    leaves[row] = a >> 1
    leaves[row + 1] = b >> 1
    leaves[row + 2] = c >> 1
    leaves[row + 3] = d >> 1
  }
  for (; row < rows; row++) leaves[row] = walkOne(words, columnBits, keys, row * stride)
}

function walkOne(words: Int32Array, columnBits: number, keys: Int32Array, start: number): number {
  const mask = (1 << columnBits) - 1
  let at = 2
  for (;;) {
    const word = words[at + 1]!
    const next = ((word >>> columnBits) + (Number(keys[start + (word & mask)]! > words[at]!) | 0)) << 1
    if (next === at) return at >> 1
    at = next
  }
}

/**
 * One row through all trees, four at a time.
 *
 * @param offsets - where each tree's words begin; slots are counted from there
 */
export function walkRow({ words, columnBits }: PackedNodes, offsets: Int32Array, keys: Int32Array, leaves: Int32Array): void {
  const mask = (1 << columnBits) - 1
  const count = offsets.length
  let tree = 0
  for (; tree + 4 <= count; tree += 4) {
    const first = offsets[tree]!
    const second = offsets[tree + 1]!
    const third = offsets[tree + 2]!
    const fourth = offsets[tree + 3]!
    let a = first + 2
    let b = second + 2
    let c = third + 2
    let d = fourth + 2
    let moved = 0
    do {
      const wordA = words[a + 1]!
      const wordB = words[b + 1]!
      const wordC = words[c + 1]!
      const wordD = words[d + 1]!
      const nextA = (first + (((wordA >>> columnBits) + (Number(keys[wordA & mask]! > words[a]!) | 0)) << 1)) | 0
      const nextB = (second + (((wordB >>> columnBits) + (Number(keys[wordB & mask]! > words[b]!) | 0)) << 1)) | 0
      const nextC = (third + (((wordC >>> columnBits) + (Number(keys[wordC & mask]! > words[c]!) | 0)) << 1)) | 0
      const nextD = (fourth + (((wordD >>> columnBits) + (Number(keys[wordD & mask]! > words[d]!) | 0)) << 1)) | 0
      moved = (nextA ^ a) | (nextB ^ b) | (nextC ^ c) | (nextD ^ d)
      a = nextA
      b = nextB
      c = nextC
      d = nextD
    } while (moved !== 0)
    leaves[tree] = (a - first) >> 1
    leaves[tree + 1] = (b - second) >> 1
    leaves[tree + 2] = (c - third) >> 1
    leaves[tree + 3] = (d - fourth) >> 1
  }
  for (; tree < count; tree++) {
    const offset = offsets[tree]!
    let at = offset + 2
    for (;;) {
      const word = words[at + 1]!
      const next = (offset + (((word >>> columnBits) + (Number(keys[word & mask]! > words[at]!) | 0)) << 1)) | 0
      if (next === at) break
      at = next
    }
    leaves[tree] = (at - offset) >> 1
  }
}
