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

  constructor(parts: BpeParts) {
    this.#parts = parts
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
    const symbols = this.#placedSymbols(text, start, end)
    const { unknown, fuseUnknown, prefix = '', suffix = '' } = this.#parts
    const { tokens } = this.#parts.vocabulary
    let next = 0
    for (let i = 0; i < ids.length; ) {
      const id = ids[i]!
      const symbol = symbols[next]
      if (ids.length === 1 && tokens[id] !== undefined && this.#parts.ignoreMerges && id !== unknown) {
        onToken(id, start, end)
        return
      }
      if (symbol === undefined) return
      if (symbol.known) {
        const marks = (next > 0 ? [...prefix].length : 0) + (suffix !== '' && i === ids.length - 1 ? [...suffix].length : 0)
        const last = Math.min(symbols.length, next + Math.max(1, [...tokens[id]!].length - marks))
        onToken(id, symbol.begin, symbols[last - 1]!.end)
        next = last
        i++
      } else if (symbol.bytes > 0) {
        for (let byte = 0; byte < symbol.bytes && i < ids.length; byte++) onToken(ids[i++]!, symbol.begin, symbol.end)
        next++
      } else if (unknown === undefined) next++
      else {
        let last = next + 1
        while (fuseUnknown && symbols[last] && !symbols[last]!.known && symbols[last]!.bytes === 0) last++
        onToken(id, symbol.begin, symbols[last - 1]!.end)
        next = last
        i++
      }
    }
  }

  /** What a word is merged from: characters, or their bytes, each with the place of its character. */
  #placedSymbols(text: string, start: number, end: number): PlacedSymbol[] {
    const { vocabulary, alphabet, byteTokens, prefix = '', suffix = '' } = this.#parts
    const spelled: { character: string; begin: number; end: number }[] = []
    for (let at = start; at < end; ) {
      const character = String.fromCodePoint(text.codePointAt(at)!)
      const symbols = alphabet === 'bytes' ? toByteAlphabet(character) : [character]
      for (const each of symbols) spelled.push({ character: each, begin: at, end: at + character.length })
      at += character.length
    }
    return spelled.map(({ character, ...place }, i) => {
      const marked = (i > 0 ? prefix : '') + character + (i === spelled.length - 1 ? suffix : '')
      const known = vocabulary.ids.has(marked)
      const bytes = known || !byteTokens ? [] : [...encoder.encode(character)]
      return { ...place, known, bytes: bytes.every(byte => byteTokens?.[byte] !== undefined) ? bytes.length : 0 }
    })
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

/** A symbol of a word before merging. */
interface PlacedSymbol {
  readonly begin: number
  readonly end: number
  readonly known: boolean
  /** Count of byte tokens that spell an unknown symbol, 0 for none. */
  readonly bytes: number
}

/** Text of the byte token of `byte` in SentencePiece vocabularies. */
export function byteTokenText(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
}

/** Id of the byte token of each byte, undefined where there is none. */
export function findByteTokens(ids: TextIndex): (number | undefined)[] {
  return Array.from({ length: 256 }, (_, byte) => ids.get(byteTokenText(byte)))
}
