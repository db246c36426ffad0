import { HASH_SEED } from './hash-seed.ts'

/** Longest word that is remembered, in UTF-16 code units. */
const MAX_WORD = 48
/** Slots of the table, a power of two; it is emptied when three quarters are taken or an arena is full. */
const SLOTS = 1 << 17
const MAX_ENTRIES = 3 << 15
const CODE_UNITS = 1 << 20
const IDS = 1 << 19

/**
 * Remembers the ids of words that were met before, without making a string of each: an open-addressing table over
 * the code units of the text, in about 6 MiB that are taken on first use.
 */
export class WordCache {
  /** Per slot: hash, start and length of the word in `#codeUnits`, start and count of its ids in `#ids`. A word has length > 0. */
  #table = new Int32Array(0)
  #codeUnits = new Uint16Array(0)
  #ids = new Int32Array(0)
  #entries = 0
  #codeUnitsUsed = 0
  #idsUsed = 0

  /** Appends the ids of `text` from `start` to `end`: those it remembers, or those `compute` appends, which it remembers then. */
  through(text: string, start: number, end: number, out: number[], compute: () => void): void {
    if (end <= start || this.append(text, start, end, out)) return
    const from = out.length
    compute()
    this.remember(text, start, end, out, from)
  }

  /** Appends the ids of `text` from `start` to `end` and returns true, or returns false when they are not known. */
  append(text: string, start: number, end: number, out: number[]): boolean {
    const length = end - start
    if (length > MAX_WORD || this.#entries === 0) return false
    const key = hash(text, start, end)
    const table = this.#table
    const codeUnits = this.#codeUnits
    for (let slot = key & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
      const at = 5 * slot
      const wordLength = table[at + 2]!
      if (wordLength === 0) return false
      if (table[at] !== key || wordLength !== length) continue
      const word = table[at + 1]!
      let i = 0
      while (i < length && codeUnits[word + i] === text.charCodeAt(start + i)) i++
      if (i < length) continue
      const first = table[at + 3]!
      const last = first + table[at + 4]!
      for (let id = first; id < last; id++) out.push(this.#ids[id]!)
      return true
    }
  }

  /** Remembers `ids` from `from` on as those of `text` from `start` to `end`, a word that is not known yet. */
  remember(text: string, start: number, end: number, ids: readonly number[], from: number): void {
    const length = end - start
    if (length > MAX_WORD || length === 0) return
    const count = ids.length - from
    if (this.#table.length === 0) this.#allocate()
    else if (this.#entries === MAX_ENTRIES || this.#codeUnitsUsed + length > CODE_UNITS || this.#idsUsed + count > IDS) this.#clear()
    const key = hash(text, start, end)
    let slot = key & (SLOTS - 1)
    while (this.#table[5 * slot + 2] !== 0) slot = (slot + 1) & (SLOTS - 1)
    this.#table.set([key, this.#codeUnitsUsed, length, this.#idsUsed, count], 5 * slot)
    for (let i = start; i < end; i++) this.#codeUnits[this.#codeUnitsUsed++] = text.charCodeAt(i)
    for (let i = from; i < ids.length; i++) this.#ids[this.#idsUsed++] = ids[i]!
    this.#entries++
  }

  #allocate(): void {
    this.#table = new Int32Array(5 * SLOTS)
    this.#codeUnits = new Uint16Array(CODE_UNITS)
    this.#ids = new Int32Array(IDS)
  }

  #clear(): void {
    this.#table.fill(0)
    this.#entries = 0
    this.#codeUnitsUsed = 0
    this.#idsUsed = 0
  }
}

function hash(text: string, start: number, end: number): number {
  let mixed = HASH_SEED ^ (end - start)
  for (let i = start; i < end; i++) mixed = Math.imul(mixed ^ text.charCodeAt(i), 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}
