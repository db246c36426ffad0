import { BYTE_TO_CODE, toByteAlphabet } from './byte-alphabet.ts'
import type { MergeRules } from './merge-rules.ts'
import { Merger } from './merger.ts'
import type { TextIndex } from './text-index.ts'
import type { OnToken, TokenModel } from './token-model.ts'
import { symbolText, type Vocabulary } from './vocabulary.ts'
import { WordCache } from './word-cache.ts'

/** What a byte-pair encoding is made of. */
export interface BpeParts {
  readonly vocabulary: Vocabulary
  readonly rules: MergeRules
  /** Words start as UTF-8 bytes, spelled in the byte alphabet, or as characters. */
  readonly alphabet: 'bytes' | 'characters'
  /** A word that is a token becomes that token without merging. */
  readonly ignoreMerges?: boolean
  /** Id of each byte for characters that the vocabulary lacks; undefined where the byte has no token. */
  readonly byteTokens?: readonly (number | undefined)[]
  /** Stands for characters that are not in the vocabulary and have no byte tokens; without it they are dropped. */
  readonly unknown?: number
  /** Adjacent unknown characters give one unknown token. */
  readonly fuseUnknown?: boolean
  /** Precedes every symbol of a word but the first. */
  readonly prefix?: string
  /** Follows the last symbol of a word. */
  readonly suffix?: string
}

/**
 * Byte-pair encoding: symbols of a word merge pairwise by rank or score.
 * Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016).
 */
export class Bpe implements TokenModel {
  readonly #parts: BpeParts
  readonly #merger = new Merger()
  readonly #cache = new WordCache()
  /** Symbol of each byte, or of each code point below 0x10000; -1 is not yet known. */
  readonly #symbols: Int32Array
  /** Code points of each token's text, 0 when not yet counted. */
  readonly #lengths: Int32Array
  // Where the symbols of a word lie, for tracing.
  #begins = new Int32Array(64)
  #ends = new Int32Array(64)
  #spellings = new Int8Array(64)

  constructor(parts: BpeParts) {
    this.#parts = parts
    this.#lengths = new Int32Array(parts.vocabulary.tokens.length)
    this.#symbols = new Int32Array(parts.alphabet === 'bytes' ? 256 : 0x10000).fill(-1)
    if (parts.alphabet === 'bytes') for (let byte = 0; byte < 256; byte++) this.#symbols[byte] = this.#symbolOf(BYTE_TO_CODE[byte]!)
  }

  append(text: string, start: number, end: number, out: number[]): void {
    if (end <= start || this.#cache.append(text, start, end, out)) return
    const from = out.length
    this.#appendNew(text, start, end, out)
    this.#cache.remember(text, start, end, out, from)
  }

  /** Finds the places of tokens by spelling them along the text. */
  trace(text: string, start: number, end: number, onToken: OnToken): void {
    const ids: number[] = []
    this.append(text, start, end, ids)
    const { unknown, fuseUnknown, ignoreMerges } = this.#parts
    if (ids.length === 1 && ids[0] !== unknown && (ignoreMerges || this.#length(ids[0]!) >= end - start)) {
      onToken(ids[0]!, start, end)
      return
    }
    const count = this.#placeSymbols(text, start, end)
    const begins = this.#begins
    const ends = this.#ends
    const spellings = this.#spellings
    for (let i = 0, next = 0; i < ids.length && next < count; ) {
      const id = ids[i]!
      const spelling = spellings[next]!
      let last = next + 1
      if (spelling === KNOWN) {
        last = Math.min(count, next + Math.max(1, this.#length(id) - this.#affixLength(next > 0, i === ids.length - 1)))
        onToken(id, begins[next]!, ends[last - 1]!)
        i++
      } else if (spelling > 0) {
        for (let byte = 0; byte < spelling && i < ids.length; byte++) onToken(ids[i++]!, begins[next]!, ends[next]!)
      } else if (unknown !== undefined) {
        while (fuseUnknown && last < count && spellings[last] === 0) last++
        onToken(id, begins[next]!, ends[last - 1]!)
        i++
      }
      next = last
    }
  }

  /** Code points of a token's text. */
  #length(id: number): number {
    const known = this.#lengths[id]!
    if (known > 0) return known
    let length = 0
    for (const _ of this.#parts.vocabulary.tokens[id] ?? '') length++
    this.#lengths[id] = length
    return length
  }

  /** Code points that the marks of a token add to those of the text. */
  #affixLength(continues: boolean, isLast: boolean): number {
    const { prefix = '', suffix = '' } = this.#parts
    return (continues ? prefix.length : 0) + (isLast ? suffix.length : 0)
  }

  /** Fills in what a word is merged from, characters or their bytes: the places of their characters and their spelling. */
  #placeSymbols(text: string, start: number, end: number): number {
    const { vocabulary, alphabet, byteTokens, prefix, suffix } = this.#parts
    const count =
      prefix !== undefined || suffix !== undefined
        ? this.#affixedSymbols(text.slice(start, end), prefix ?? '', suffix ?? '')
        : alphabet === 'bytes'
          ? this.#byteSymbols(text, start, end)
          : this.#characterSymbols(text, start, end)
    if (this.#begins.length < count) {
      this.#begins = new Int32Array(2 * count)
      this.#ends = new Int32Array(2 * count)
      this.#spellings = new Int8Array(2 * count)
    }
    const { symbols } = this.#merger
    let symbol = 0
    for (let at = start; at < end && symbol < count; ) {
      const code = text.codePointAt(at)!
      const stop = at + (code > 0xffff ? 2 : 1)
      const width = alphabet === 'bytes' ? (code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4) : 1
      for (let i = 0; i < width; i++) {
        this.#begins[symbol] = at
        this.#ends[symbol] = stop
        this.#spellings[symbol] =
          symbols[symbol]! < vocabulary.tokens.length ? KNOWN : byteTokens ? this.#byteCount(symbols[symbol]!, byteTokens) : 0
        symbol++
      }
      at = stop
    }
    return count
  }

  /** Count of the byte tokens that spell a character the vocabulary lacks, 0 when one is missing. */
  #byteCount(symbol: number, byteTokens: readonly (number | undefined)[]): number {
    const bytes = encoder.encode(symbolText(this.#parts.vocabulary, symbol))
    return bytes.every(byte => byteTokens[byte] !== undefined) ? bytes.length : 0
  }

  #appendNew(text: string, start: number, end: number, out: number[]): void {
    const { vocabulary, alphabet, ignoreMerges, prefix, suffix } = this.#parts
    if (ignoreMerges) {
      const word = text.slice(start, end)
      const id = vocabulary.ids.get(alphabet === 'bytes' ? toByteAlphabet(word) : word)
      if (id !== undefined) {
        out.push(id)
        return
      }
    }
    const isAffixed = prefix !== undefined || suffix !== undefined
    const count = isAffixed
      ? this.#affixedSymbols(text.slice(start, end), prefix ?? '', suffix ?? '')
      : alphabet === 'bytes'
        ? this.#byteSymbols(text, start, end)
        : this.#characterSymbols(text, start, end)
    const left = this.#merger.merge(this.#parts.rules, this.#dropUnknown(count))
    this.#emit(left, out)
  }

  /** What has neither a token nor a substitute leaves no gap: its neighbours may merge. Returns how many are left. */
  #dropUnknown(count: number): number {
    const { unknown, byteTokens, vocabulary } = this.#parts
    if (unknown !== undefined || byteTokens !== undefined) return count
    const { symbols } = this.#merger
    const limit = vocabulary.tokens.length
    let left = 0
    for (let i = 0; i < count; i++) if (symbols[i]! < limit) symbols[left++] = symbols[i]!
    return left
  }

  /** Fills the merger with one symbol a UTF-8 byte; lone surrogates count as U+FFFD. */
  #byteSymbols(text: string, start: number, end: number): number {
    const symbols = this.#merger.reserve(3 * (end - start))
    const bytes = this.#symbols
    let count = 0
    for (let i = start; i < end; i++) {
      let code = text.charCodeAt(i)
      if (code < 0x80) {
        symbols[count++] = bytes[code]!
        continue
      }
      if ((code & 0xf800) === 0xd800) {
        const low = i + 1 < end ? text.charCodeAt(i + 1) : 0
        if (code < 0xdc00 && (low & 0xfc00) === 0xdc00) {
          code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff)
          i++
        } else code = 0xfffd
      }
      if (code < 0x800) symbols[count++] = bytes[0xc0 | (code >> 6)]!
      else {
        if (code < 0x10000) symbols[count++] = bytes[0xe0 | (code >> 12)]!
        else {
          symbols[count++] = bytes[0xf0 | (code >> 18)]!
          symbols[count++] = bytes[0x80 | ((code >> 12) & 0x3f)]!
        }
        symbols[count++] = bytes[0x80 | ((code >> 6) & 0x3f)]!
      }
      symbols[count++] = bytes[0x80 | (code & 0x3f)]!
    }
    return count
  }

  #characterSymbols(text: string, start: number, end: number): number {
    const symbols = this.#merger.reserve(end - start)
    const known = this.#symbols
    let count = 0
    for (let i = start; i < end; i++) {
      const code = text.codePointAt(i)!
      if (code > 0xffff) i++
      const symbol = code < 0x10000 ? known[code]! : -1
      symbols[count++] = symbol >= 0 ? symbol : this.#learnSymbol(code)
    }
    return count
  }

  #learnSymbol(code: number): number {
    const symbol = this.#symbolOf(code)
    if (code < 0x10000) this.#symbols[code] = symbol
    return symbol
  }

  #symbolOf(code: number): number {
    const { ids, tokens } = this.#parts.vocabulary
    return ids.get(String.fromCodePoint(code)) ?? tokens.length + code
  }

  /** Symbols of a word whose vocabulary marks where words continue or end; unknown ones keep the bare character. */
  #affixedSymbols(word: string, prefix: string, suffix: string): number {
    const { ids, tokens } = this.#parts.vocabulary
    const characters = [...(this.#parts.alphabet === 'bytes' ? toByteAlphabet(word) : word)]
    const symbols = this.#merger.reserve(characters.length)
    for (const [i, character] of characters.entries()) {
      const marked = (i > 0 ? prefix : '') + character + (i === characters.length - 1 ? suffix : '')
      symbols[i] = ids.get(marked) ?? tokens.length + character.codePointAt(0)!
    }
    return characters.length
  }

  #emit(count: number, out: number[]): void {
    const { tokens } = this.#parts.vocabulary
    const symbols = this.#merger.symbols
    let wasUnknown = false
    for (let i = 0; i < count; i++) {
      const symbol = symbols[i]!
      if (symbol < tokens.length) {
        out.push(symbol)
        wasUnknown = false
      } else if (!this.#pushBytes(symbol, out)) {
        const { unknown, fuseUnknown } = this.#parts
        if (unknown !== undefined && !(wasUnknown && fuseUnknown)) out.push(unknown)
        wasUnknown = true
      } else wasUnknown = false
    }
  }

  /** Spells a character the vocabulary lacks in byte tokens, if there is one for each of its bytes. */
  #pushBytes(symbol: number, out: number[]): boolean {
    const { byteTokens, vocabulary } = this.#parts
    if (byteTokens === undefined) return false
    const ids: number[] = []
    for (const byte of encoder.encode(symbolText(vocabulary, symbol))) {
      const id = byteTokens[byte]
      if (id === undefined) return false
      ids.push(id)
    }
    out.push(...ids)
    return true
  }
}

const encoder = new TextEncoder()

/** Spelling of symbols that have a token of their own; others have the count of byte tokens that spell them, or 0. */
const KNOWN = -1

/** Text of the byte token of `byte` in SentencePiece vocabularies. */
export function byteTokenText(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
}

/** Id of the byte token of each byte, undefined where there is none. */
export function findByteTokens(ids: TextIndex): (number | undefined)[] {
  return Array.from({ length: 256 }, (_, byte) => ids.get(byteTokenText(byte)))
}
