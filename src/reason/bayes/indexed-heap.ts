/** A binary heap of small whole numbers with keys that may change; equal keys come in the order of the numbers. */
export class IndexedHeap {
  readonly #keys: Float64Array
  readonly #places: Int32Array
  readonly #items: number[] = []

  /** @param count - items are from 0 to `count` - 1 */
  constructor(count: number) {
    this.#keys = new Float64Array(count)
    this.#places = new Int32Array(count).fill(-1)
  }

  has(item: number): boolean {
    return this.#places[item]! >= 0
  }

  /** Puts an item in, or gives it another key. */
  set(item: number, key: number): void {
    this.#keys[item] = key
    if (!this.has(item)) {
      this.#places[item] = this.#items.length
      this.#items.push(item)
    }
    this.#raise(this.#places[item]!)
    this.#sink(this.#places[item]!)
  }

  /** Takes out the item with the smallest key, -1 where there is none. */
  pop(): number {
    const items = this.#items
    const top = items[0]
    if (top === undefined) return -1
    const last = items.pop()!
    this.#places[top] = -1
    if (last !== top) {
      items[0] = last
      this.#places[last] = 0
      this.#sink(0)
    }
    return top
  }

  #isBefore(a: number, b: number): boolean {
    const difference = this.#keys[a]! - this.#keys[b]!
    return difference < 0 || (difference === 0 && a < b)
  }

  #raise(from: number): void {
    const items = this.#items
    const item = items[from]!
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      if (!this.#isBefore(item, items[above]!)) break
      this.#put(items[above]!, place)
      place = above
    }
    this.#put(item, place)
  }

  #sink(from: number): void {
    const items = this.#items
    const item = items[from]!
    let place = from
    for (;;) {
      let below = 2 * place + 1
      if (below >= items.length) break
      if (below + 1 < items.length && this.#isBefore(items[below + 1]!, items[below]!)) below++
      if (!this.#isBefore(items[below]!, item)) break
      this.#put(items[below]!, place)
      place = below
    }
    this.#put(item, place)
  }

  #put(item: number, place: number): void {
    this.#items[place] = item
    this.#places[item] = place
  }
}
