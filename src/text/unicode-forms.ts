import type { Rewriting } from './aligned-text.ts'
import { type Part, type Placed, placeParts } from './changed-characters.ts'
import { type Normalizer, normalizer } from './normalizer.ts'

/** A Unicode normalization form. */
export type UnicodeForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD'

/** Text in a normalization form. */
export function unicodeForm(form: UnicodeForm): Normalizer {
  return normalizer(
    text => text.normalize(form),
    out => rewriteSegments(out, form),
  )
}

/** A character that may interact with the one before it: a mark, or a vowel or final consonant of Hangul. */
const JOINS = /^[\p{M}\u1160-\u11ff\uff9e\uff9f\u{16d67}]/u

/** Normalizes runs of characters that cannot interact with their neighbours, so that origins stay narrow. */
function rewriteSegments(out: Rewriting, form: UnicodeForm): void {
  const text = out.source
  for (let start = 0; start < text.length; ) {
    let end = start + widthAt(text, start)
    while (end < text.length && joins(text, end, form)) end += widthAt(text, end)
    const segment = text.slice(start, end)
    if (segment.normalize(form) === segment) out.copy(start, end)
    else for (const { character, at } of normalizedCharacters(segment, form)) out.put(character, start + at)
    start = end
  }
}

/** A character also joins when what it decomposes to begins with one that does, or composes with a letter before it. */
function joins(text: string, at: number, form: UnicodeForm): boolean {
  if (text.charCodeAt(at) < 0x300) return false
  const decomposed = String.fromCodePoint(text.codePointAt(at)!).normalize(form.includes('K') ? 'NFKD' : 'NFD')
  return JOINS.test(decomposed)
}

function normalizedCharacters(segment: string, form: UnicodeForm): Placed[] {
  const decomposed = form.includes('K') ? 'NFKD' : 'NFD'
  const parts: Part[] = []
  for (const original of segment) {
    let change = 0
    for (const character of original.normalize(decomposed)) {
      parts.push({ character, change })
      change = 1
    }
  }
  sortMarks(parts)
  return placeParts(segment, form.endsWith('C') ? compose(parts) : parts)
}

/** Stable order of marks by combining class. */
function sortMarks(parts: Part[]): void {
  for (let i = 1; i < parts.length; i++) {
    for (let at = i; at > 0 && swaps(parts[at - 1]!.character, parts[at]!.character); at--) {
      const moved = parts[at]!
      parts[at] = parts[at - 1]!
      parts[at - 1] = moved
    }
  }
}

/** True when the class of `left` is above that of `right` and neither is a starter; both are fully decomposed. */
function swaps(left: string, right: string): boolean {
  return `a${left}${right}`.normalize('NFD') !== `a${left}${right}`
}

/** True for characters of combining class 0: marks of classes 230 and 220 do not pass them. */
function isStarter(character: string): boolean {
  return `a\u0301${character}\u0316`.normalize('NFD') === `a\u0301${character}\u0316`
}

/** Canonical composition. Source: Unicode Standard Annex 15, section 1.3. */
function compose(parts: readonly Part[]): Part[] {
  const out: Part[] = []
  let starter = -1
  for (const part of parts) {
    const before = starter < 0 ? undefined : out[starter]
    const last = out.at(-1)
    const isAdjacent = starter === out.length - 1
    // Blocked: a mark between the two of the same class or higher, or a starter.
    const isBlocked = !isAdjacent && last !== undefined && (isStarter(part.character) || sameClass(last.character, part.character))
    const joined = before && !isBlocked ? (before.character + part.character).normalize('NFC') : ''
    if (before && joined !== '' && [...joined].length === 1) {
      out[starter] = { character: joined, change: before.change + part.change - 1 }
      continue
    }
    if (isStarter(part.character)) starter = out.length
    out.push(part)
  }
  return out
}

function sameClass(left: string, right: string): boolean {
  return !swaps(left, right) && !swaps(right, left)
}

function widthAt(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1
}
