import { addReplacement, type Part, placeParts } from './changed-characters.ts'
import { type Normalizer, normalizer } from './normalizer.ts'
import type { PrecompiledCharsmap } from './precompiled-charsmap.ts'

/** Longest cluster that is remembered, in code units, and how many are. */
const MAX_CLUSTER = 16
const MAX_CLUSTERS = 1 << 13

const UNKNOWN = 0
const KEPT = 1
const REPLACED = 2

/**
 * The `Precompiled` normalizer of tokenizer.json. It differs from SentencePiece: a grapheme of less than six bytes is
 * replaced as a whole by what its shortest known prefix becomes, other characters one by one.
 */
export function precompiledNormalizer(charsmap: PrecompiledCharsmap): Normalizer {
  const pieces = new CharsmapPieces(charsmap)
  return normalizer(
    text => {
      let result = ''
      let done = 0
      pieces.visit(text, (start, end, replacement) => {
        result += text.slice(done, start) + replacement
        done = end
      })
      return done === 0 ? text : result + text.slice(done)
    },
    out => {
      const text = out.source
      const parts: Part[] = []
      let done = 0
      const keep = (end: number): void => {
        for (const character of text.slice(done, end)) parts.push({ character, change: 0 })
      }
      pieces.visit(text, (start, end, replacement) => {
        keep(start)
        addReplacement(parts, [...text.slice(start, end)].length, replacement)
        done = end
      })
      keep(text.length)
      for (const { character, at } of placeParts(text, parts)) out.put(character, at)
    },
  )
}

/** Finds what a charsmap replaces. */
class CharsmapPieces {
  readonly #charsmap: PrecompiledCharsmap
  /** What happens to each code unit that is a character of its own: not known yet, kept, or replaced. */
  readonly #fate = new Uint8Array(0x10000)
  readonly #replacements = new Map<number, string>()
  #graphemes: Intl.Segmenter | undefined
  readonly #clusters = new Map<string, readonly number[]>()

  constructor(charsmap: PrecompiledCharsmap) {
    this.#charsmap = charsmap
  }

  /** Calls back for each part of `text` that is replaced, in order. */
  visit(text: string, onReplaced: (start: number, end: number, replacement: string) => void): void {
    for (let at = 0; at < text.length; ) {
      const code = text.charCodeAt(at)
      const next = at + ((code & 0xfc00) === 0xd800 ? 2 : 1)
      if (extends_(text, next, code)) {
        at = this.#visitCluster(text, at, next, onReplaced)
        continue
      }
      this.#visitCharacter(text, at, next, onReplaced)
      at = next
    }
  }

  #visitCharacter(text: string, at: number, next: number, onReplaced: (start: number, end: number, replacement: string) => void): void {
    if (next - at > 1) {
      const match = this.#charsmap.shortest(text, at, next)
      if (match) onReplaced(at, next, match.replacement)
      return
    }
    const code = text.charCodeAt(at)
    if (this.#fate[code] === UNKNOWN) {
      const match = this.#charsmap.shortest(text, at, next)
      this.#fate[code] = match ? REPLACED : KEPT
      if (match) this.#replacements.set(code, match.replacement)
    }
    if (this.#fate[code] === REPLACED) onReplaced(at, next, this.#replacements.get(code)!)
  }

  /** Characters from `start` on of which each joins the one before it; returns where they end. */
  #visitCluster(
    text: string,
    start: number,
    second: number,
    onReplaced: (start: number, end: number, replacement: string) => void,
  ): number {
    let at = start
    let end = second
    while (end < text.length && extends_(text, end, text.charCodeAt(end - 1))) end += text.codePointAt(end)! > 0xffff ? 2 : 1
    for (const length of this.#graphemeLengths(text.slice(start, end))) {
      const from = at
      const to = from + length
      const segment = text.slice(from, to)
      at = to
      const match = utf8Length(segment) < 6 ? this.#charsmap.shortest(text, from, to) : undefined
      if (match) onReplaced(from, to, match.replacement)
      else
        for (let each = from; each < to; ) {
          const next = each + (text.codePointAt(each)! > 0xffff ? 2 : 1)
          this.#visitCharacter(text, each, next, onReplaced)
          each = next
        }
    }
    return end
  }

  /** Lengths of the graphemes of a short text; finding them is slow, so they are remembered. */
  #graphemeLengths(cluster: string): readonly number[] {
    const known = this.#clusters.get(cluster)
    if (known) return known
    this.#graphemes ??= new Intl.Segmenter('en', { granularity: 'grapheme' })
    const lengths = Array.from(this.#graphemes.segment(cluster), ({ segment }) => segment.length)
    if (cluster.length > MAX_CLUSTER) return lengths
    if (this.#clusters.size >= MAX_CLUSTERS) this.#clusters.clear()
    this.#clusters.set(cluster, lengths)
    return lengths
  }
}

/** Whether each code unit may be the second or a later character of a grapheme: 0 not known yet, 1 no, 2 yes. */
const extending = new Uint8Array(0x10000)

/** False when a grapheme begins at `at`, after the code unit `before`; true when that takes a closer look. */
function extends_(text: string, at: number, before: number): boolean {
  if (at >= text.length) return false
  const code = text.charCodeAt(at)
  if (code < 0x300) return (code === 10 && before === 13) || before === 0x200d
  if ((code & 0xfc00) === 0xd800 || before === 0x200d) return before === 0x200d || isExtending(text, at)
  if (extending[code] === 0) extending[code] = isExtending(text, at) ? 2 : 1
  return extending[code] === 2
}

const EXTENDING = String.raw`^[\p{M}\p{Grapheme_Extend}\p{Emoji_Modifier}\p{Regional_Indicator}\u200c\u200d\u0e33\u0eb3\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]`
const extendingPattern = new RegExp(EXTENDING, 'u')

function isExtending(text: string, at: number): boolean {
  return extendingPattern.test(String.fromCodePoint(text.codePointAt(at)!))
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length
}
