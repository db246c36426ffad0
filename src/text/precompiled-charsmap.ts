import { invalid } from './json-fields.ts'

/** Largest map accepted, in bytes; published ones have a quarter of a megabyte. */
const MAX_BYTES = 1 << 24
/** Longest replacement accepted, in bytes; published ones reach 40. */
const MAX_REPLACEMENT = 1024

/** A replacement found at some place of a text. */
export interface CharsmapMatch {
  /** Code units of the text that are replaced. */
  readonly length: number
  readonly replacement: string
}

/**
 * SentencePiece's precompiled normalization: a double-array trie over UTF-8 whose leaves point to zero-terminated
 * replacements.
 *
 * Sources: sentencepiece/src/normalizer.cc (layout of the blob); Yata's darts-clone (units of the trie).
 */
export class PrecompiledCharsmap {
  /** Each unit: bit 31 and bits 0 to 7 the label, bit 8 says that a value follows, bits 9 and up the offset of children. */
  readonly #units: Uint32Array
  readonly #replacements: Uint8Array
  readonly #known = new Map<number, string>()

  /** @throws HenceError `TOKENIZER_INVALID` when sizes contradict each other */
  constructor(bytes: Uint8Array) {
    const trieBytes = bytes.length < 4 ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
    if (bytes.length > MAX_BYTES || trieBytes < 4 || trieBytes % 4 !== 0 || trieBytes > bytes.length - 4)
      throw invalid(`a precompiled charsmap of ${bytes.length} bytes says that its trie has ${trieBytes}`, {
        bytes: bytes.length,
        trieBytes,
        limit: MAX_BYTES,
      })
    const view = new DataView(bytes.buffer, bytes.byteOffset + 4, trieBytes)
    this.#units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 * i, true))
    this.#replacements = bytes.subarray(4 + trieBytes)
  }

  /** The shortest match at `start`, ending at or before `end`. */
  shortest(text: string, start: number, end: number): CharsmapMatch | undefined {
    return this.#search(text, start, end, true)
  }

  /** The longest match at `start`, ending at or before `end`. */
  longest(text: string, start: number, end: number): CharsmapMatch | undefined {
    return this.#search(text, start, end, false)
  }

  #search(text: string, start: number, end: number, takesFirst: boolean): CharsmapMatch | undefined {
    const units = this.#units
    let node = childrenOf(units[0]!)
    let found = -1
    let foundEnd = start
    for (let at = start; at < end; ) {
      const code = text.codePointAt(at)!
      at += code > 0xffff ? 2 : 1
      const count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
      let value = -1
      for (let i = 0; i < count; i++) {
        const byte = utf8Byte(code, count, i)
        node = (node ^ byte) >>> 0
        // Beyond the end, undefined has no label.
        const unit = units[node] ?? 0x80000000
        if (byte === 0 || (unit & 0x800000ff) !== byte) return this.#match(found, foundEnd - start)
        node = (node ^ childrenOf(unit)) >>> 0
        value = (unit & 0x100) === 0 ? -1 : (units[node] ?? 0) & 0x7fffffff
      }
      if (value < 0) continue
      found = value
      foundEnd = at
      if (takesFirst) break
    }
    return this.#match(found, foundEnd - start)
  }

  #match(index: number, length: number): CharsmapMatch | undefined {
    return index < 0 ? undefined : { length, replacement: this.#replacement(index) }
  }

  #replacement(index: number): string {
    const known = this.#known.get(index)
    if (known !== undefined) return known
    const end = this.#replacements.indexOf(0, index)
    const length = (end < 0 ? this.#replacements.length : end) - index
    if (length < 0 || length > MAX_REPLACEMENT)
      throw invalid(`a replacement of the precompiled charsmap has ${length} bytes, not 0 to ${MAX_REPLACEMENT}`, {
        index,
        length,
        limit: MAX_REPLACEMENT,
      })
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.#replacements.subarray(index, index + length))
    this.#known.set(index, text)
    return text
  }
}

/** Offset of a unit's children from the unit itself, combined with it by exclusive or. */
function childrenOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6)
}

function utf8Byte(code: number, count: number, index: number): number {
  if (count === 1) return code
  const shift = 6 * (count - 1 - index)
  if (index > 0) return 0x80 | ((code >> shift) & 0x3f)
  return (count === 2 ? 0xc0 : count === 3 ? 0xe0 : 0xf0) | (code >> shift)
}

/** Bytes of a charsmap as tokenizer.json writes it. */
export function charsmapFromBase64(text: string): PrecompiledCharsmap {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length > 2 * MAX_BYTES)
    throw invalid('Precompiled.precompiled_charsmap is not base64', { length: text.length })
  return new PrecompiledCharsmap(Uint8Array.from(atob(text), character => character.charCodeAt(0)))
}
