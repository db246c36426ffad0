import type { Offset, TracedText } from './encoding.ts'

/**
 * Takes the white space at both ends of byte-level tokens out of their offsets.
 *
 * @param tokenOf - text of an id as the vocabulary spells it
 * @param addsPrefixSpace - a space was put before the text, so the first one of a token at the start is not in it
 */
export function trimOffsets(text: TracedText, tokenOf: (id: number) => string, addsPrefixSpace: boolean): TracedText {
  const offsets = text.offsets.map((offset, i): Offset => {
    const token = tokenOf(text.ids[i]!)
    let [begin, end] = offset
    let leading = 0
    while (leading < token.length && isSpace(token[leading]!)) leading++
    let trailing = 0
    while (trailing < token.length && isSpace(token[token.length - 1 - trailing]!)) trailing++
    if (leading > 0) {
      if ((i === 0 || begin === 0) && addsPrefixSpace) leading--
      begin = Math.min(begin + leading, end)
    }
    if (trailing > 0 && end >= trailing) end = Math.max(end - trailing, begin)
    return [begin, end]
  })
  return { ...text, offsets }
}

function isSpace(character: string): boolean {
  return character === 'Ġ' || /\p{White_Space}/u.test(character)
}
