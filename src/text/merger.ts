import type { MergeRules } from './merge-rules.ts'

/** Words up to this many symbols are merged by repeated scans, longer ones through a heap. */
const SCAN_LIMIT = 40

/** Applies merge rules to the symbols of one word: lowest priority first, leftmost among equals. Holds scratch memory. */
export class Merger {
  /** Symbols of the word; the caller fills them. */
  symbols: Int32Array = new Int32Array(256)
  #priority = new Float64Array(SCAN_LIMIT)
  #merged = new Int32Array(SCAN_LIMIT)

  /** Makes {@link symbols} hold at least `count`, keeping what is there. */
  reserve(count: number): Int32Array {
    if (this.symbols.length < count) {
      const larger = new Int32Array(2 * count)
      larger.set(this.symbols)
      this.symbols = larger
    }
    return this.symbols
  }

  /** Merges the first `count` symbols in place and returns how many are left. */
  merge(rules: MergeRules, count: number): number {
    return count <= SCAN_LIMIT ? this.#scan(rules, count) : mergeWithHeap(rules, this.symbols, count)
  }

  #scan(rules: MergeRules, count: number): number {
    const symbols = this.symbols
    const priority = this.#priority
    const merged = this.#merged
    let pairs = count - 1
    for (let i = 0; i < pairs; i++) {
      const slot = rules.find(symbols[i]!, symbols[i + 1]!)
      priority[i] = rules.priority[slot]!
      merged[i] = rules.merged[slot]!
    }
    while (pairs > 0) {
      let best = 0
      let lowest = priority[0]!
      for (let i = 1; i < pairs; i++) {
        if (priority[i]! < lowest) {
          lowest = priority[i]!
          best = i
        }
      }
      if (lowest === Infinity) break
      symbols[best] = merged[best]!
      for (let i = best + 1; i < pairs; i++) {
        symbols[i] = symbols[i + 1]!
        priority[i - 1] = priority[i]!
        merged[i - 1] = merged[i]!
      }
      pairs--
      // The pair that held `best` as its left symbol moved down by the copy; both neighbours are new pairs.
      for (let i = Math.max(0, best - 1); i <= best && i < pairs; i++) {
        const slot = rules.find(symbols[i]!, symbols[i + 1]!)
        priority[i] = rules.priority[slot]!
        merged[i] = rules.merged[slot]!
      }
    }
    return Math.min(count, pairs + 1)
  }
}

/** O(n log n): a linked list of symbols and a binary heap of candidate pairs; outdated candidates are skipped when met. */
function mergeWithHeap(rules: MergeRules, symbols: Int32Array, count: number): number {
  const next = new Int32Array(count)
  const previous = new Int32Array(count)
  // Current pair that starts at each symbol; Infinity when it does not merge.
  const pairPriority = new Float64Array(count).fill(Infinity)
  const pairMerged = new Int32Array(count)
  const heap = new PairHeap(count)
  const offer = (at: number): void => {
    const slot = rules.find(symbols[at]!, symbols[next[at]!]!)
    const priority = rules.priority[slot]!
    pairPriority[at] = priority
    pairMerged[at] = rules.merged[slot]!
    if (priority !== Infinity) heap.push(priority, at)
  }
  for (let i = 0; i < count; i++) {
    next[i] = i + 1
    previous[i] = i - 1
  }
  for (let i = 0; i + 1 < count; i++) offer(i)
  while (heap.size > 0) {
    const priority = heap.topPriority
    const at = heap.pop()
    if (pairPriority[at] !== priority) continue
    const right = next[at]!
    symbols[at] = pairMerged[at]!
    pairPriority[right] = Infinity
    next[at] = next[right]!
    if (next[at]! < count) {
      previous[next[at]!] = at
      offer(at)
    } else pairPriority[at] = Infinity
    if (previous[at]! >= 0) offer(previous[at]!)
  }
  let left = 0
  for (let i = 0; i < count; i = next[i]!) symbols[left++] = symbols[i]!
  return left
}

/** Binary min-heap of (priority, position), ordered by priority, then position. */
class PairHeap {
  size = 0
  #priority: Float64Array
  #position: Int32Array

  /** Holds one pair a symbol at first, and two more for each of up to n - 1 merges. */
  constructor(count: number) {
    this.#priority = new Float64Array(3 * count)
    this.#position = new Int32Array(3 * count)
  }

  get topPriority(): number {
    return this.#priority[0]!
  }

  push(priority: number, position: number): void {
    const priorities = this.#priority
    const positions = this.#position
    let at = this.size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (priorities[parent]! < priority || (priorities[parent] === priority && positions[parent]! <= position)) break
      priorities[at] = priorities[parent]!
      positions[at] = positions[parent]!
      at = parent
    }
    priorities[at] = priority
    positions[at] = position
  }

  /** Removes the first pair and returns its position. */
  pop(): number {
    const priorities = this.#priority
    const positions = this.#position
    const top = positions[0]!
    const size = --this.size
    const priority = priorities[size]!
    const position = positions[size]!
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      const other = child + 1
      if (
        other < size &&
        (priorities[other]! < priorities[child]! || (priorities[other] === priorities[child] && positions[other]! < positions[child]!))
      )
        child = other
      if (priority < priorities[child]! || (priority === priorities[child] && position <= positions[child]!)) break
      priorities[at] = priorities[child]!
      positions[at] = positions[child]!
      at = child
    }
    priorities[at] = priority
    positions[at] = position
    return top
  }
}
