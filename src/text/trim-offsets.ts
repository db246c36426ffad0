import type { Offset, TracedText } from './encoding.ts'

/**
 * Takes the white space at both ends of byte-level tokens out of their offsets, as Hugging Face tokenizers do.
 *
 * @param text - what was encoded
 * @param tokenOf - text of an id as the vocabulary spells it
 * @param addsPrefixSpace - a space may have been put before the text, so a single one at its start is not in it
 */
export function trimOffsets(traced: TracedText, text: string, tokenOf: (id: number) => string, addsPrefixSpace: boolean): TracedText {
  const offsets = traced.offsets.map((offset, i): Offset => {
    const token = traced.added[i] ?? tokenOf(traced.ids[i]!)
    let [begin, end] = offset
    let leading = 0
    while (leading < token.length && isSpace(token[leading]!)) leading++
    let trailing = 0
    while (trailing < token.length && isSpace(token[token.length - 1 - trailing]!)) trailing++
    // More than one space was not put there.
    if (leading === 1 && addsPrefixSpace && (i === 0 || begin === 0)) leading = 0
    while (leading-- > 0 && begin < end) begin += widthAt(text, begin)
    const trimmed = stepBack(text, end, trailing)
    if (trailing > 0 && trimmed !== undefined) end = Math.max(trimmed, begin)
    return [begin, end]
  })
  return { ...traced, offsets }
}

function isSpace(character: string): boolean {
  return character === 'Ġ' || /\p{White_Space}/u.test(character)
}

function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
}

/** Place `count` characters before `at`; undefined when the text has fewer. */
function stepBack(text: string, at: number, count: number): number | undefined {
  let place = at
  for (let i = 0; i < count; i++) {
    if (place === 0) return undefined
    place -= place > 1 && (text.charCodeAt(place - 1) & 0xfc00) === 0xdc00 ? 2 : 1
  }
  return place
}
