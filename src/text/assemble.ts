import type { Encoding, Offset, TracedText } from './encoding.ts'
import type { TemplatePart } from './post-processors.ts'

/**
 * Puts the windows of one or two texts into a template, the first of each in the encoding itself and all other
 * combinations in its `overflowing`.
 */
export function assembleEncoding(
  firsts: readonly TracedText[],
  seconds: readonly TracedText[] | undefined,
  parts: readonly TemplatePart[],
): Encoding {
  const combine = (a: TracedText, b: TracedText | undefined): Encoding => fillTemplate(parts, [a, b])
  const [a, ...restA] = firsts
  const [b, ...restB] = seconds ?? []
  const overflowing = restA.flatMap(each => [combine(each, b), ...restB.map(other => combine(each, other))])
  overflowing.push(...restB.map(other => combine(a!, other)))
  return { ...combine(a!, b), overflowing }
}

function fillTemplate(parts: readonly TemplatePart[], texts: readonly [TracedText, TracedText | undefined]): Encoding {
  const out = {
    ids: [] as number[],
    typeIds: [] as number[],
    offsets: [] as Offset[],
    texts: [] as (0 | 1 | undefined)[],
    words: [] as (number | undefined)[],
    attentionMask: [] as number[],
    specialMask: [] as number[],
    overflowing: [] as Encoding[],
  }
  const add = (id: number, typeId: number, offset: Offset, text: 0 | 1 | undefined, word: number | undefined): void => {
    out.ids.push(id)
    out.typeIds.push(typeId)
    out.offsets.push(offset)
    out.texts.push(text)
    out.words.push(word)
    out.attentionMask.push(1)
    out.specialMask.push(text === undefined ? 1 : 0)
  }
  for (const part of parts) {
    const addSpecial = (ids: readonly number[]): void => {
      for (const id of ids) add(id, part.typeId, NOWHERE, undefined, undefined)
    }
    if ('ids' in part) {
      addSpecial(part.ids)
      continue
    }
    const text = texts[part.text]!
    addSpecial(part.before)
    for (let i = 0; i < text.ids.length; i++) add(text.ids[i]!, part.typeId, text.offsets[i]!, part.text, text.words[i]!)
    addSpecial(part.after)
  }
  return out
}

const NOWHERE: Offset = [0, 0]

/** A template without its special tokens. */
export function withoutSpecial(parts: readonly TemplatePart[]): TemplatePart[] {
  return parts.flatMap(part => ('ids' in part ? [] : [{ ...part, before: [], after: [] }]))
}
