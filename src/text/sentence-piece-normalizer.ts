import { Rewriting } from './aligned-text.ts'
import { type Normalizer, normalizer } from './normalizer.ts'
import type { PrecompiledCharsmap } from './precompiled-charsmap.ts'

/** What SentencePiece does to text before it cuts it. */
export interface SentencePieceRules {
  /** Replaces the longest matches first. */
  readonly charsmap?: PrecompiledCharsmap | undefined
  /** Puts a space before the text. */
  readonly prefixesSpace: boolean
  /** Takes spaces at both ends away and makes one of several. */
  readonly mergesSpaces: boolean
}

const MARK = '▁'

/** SentencePiece's normalizer; spaces become marks. Source: Normalizer::Normalize of sentencepiece/src/normalizer.cc. */
export function sentencePieceNormalizer(rules: SentencePieceRules): Normalizer {
  const plain = (text: string): string => {
    const out = new Rewriting({ text })
    rewrite(out, rules)
    return out.result().text
  }
  return normalizer(plain, out => rewrite(out, rules))
}

function rewrite(out: Rewriting, { charsmap, prefixesSpace, mergesSpaces }: SentencePieceRules): void {
  const text = out.source
  let isEmpty = true
  // With merging, a space waits for the word that follows it.
  let waiting = false
  if (prefixesSpace && !mergesSpaces && text !== '') out.put(MARK, 0)
  const put = (character: string, at: number): void => {
    if (character === ' ' && mergesSpaces) waiting = !isEmpty
    else if (character === ' ') out.put(MARK, at)
    else {
      if (waiting || (isEmpty && prefixesSpace && mergesSpaces)) out.put(MARK, waiting ? at - 1 : at)
      out.put(character, at)
      waiting = false
      isEmpty = false
    }
  }
  for (let at = 0; at < text.length; ) {
    const match = charsmap?.longest(text, at, text.length)
    const width = match?.length ?? (text.codePointAt(at)! > 0xffff ? 2 : 1)
    for (const character of match?.replacement ?? text.slice(at, at + width)) put(character, at)
    at += width
  }
}
