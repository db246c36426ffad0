/** Class of a letter, `\p{L}`. */
export const LETTER = 1
/** Class of a number, `\p{N}`. */
export const NUMBER = 2
/** Class of white space, `\p{White_Space}`. */
export const SPACE = 4
/** Class of everything else. */
export const OTHER = 8

/** Classes of code units below 0x10000, filled as they are met; 0 is not yet known. */
const classes = new Uint8Array(0x10000)

/** Class of the character at `index`; a surrogate pair counts as one character. */
export function classAt(text: string, index: number): number {
  const code = text.charCodeAt(index)
  const known = classes[code]!
  return known !== 0 ? known : classify(text, index, code)
}

/** Code units of the character at `index`. */
export function widthAt(text: string, index: number): number {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00 ? 2 : 1
}

/** End of the run of characters of `kind` that starts at or before `index`. */
export function runEnd(text: string, index: number, kind: number): number {
  let end = index
  while (end < text.length) {
    const known = classes[text.charCodeAt(end)]!
    if (known === kind) end++
    else if (known !== 0) return end
    else if (classAt(text, end) === kind) end += widthAt(text, end)
    else return end
  }
  return end
}

function classify(text: string, index: number, code: number): number {
  // Half of a pair has no class of its own, so the table stays 0 for it.
  if ((code & 0xf800) === 0xd800) return classOf(String.fromCodePoint(text.codePointAt(index)!))
  const found = classOf(String.fromCharCode(code))
  classes[code] = found
  return found
}

function classOf(character: string): number {
  if (/\p{L}/u.test(character)) return LETTER
  if (/\p{N}/u.test(character)) return NUMBER
  return /\p{White_Space}/u.test(character) ? SPACE : OTHER
}

/** True when the character that `index` is part of belongs to a word: a letter, mark, number or connector. */
export function isWordCharacter(text: string, index: number): boolean {
  const isLowHalf = (text.charCodeAt(index) & 0xfc00) === 0xdc00 && index > 0
  return /^[\p{L}\p{M}\p{N}\p{Pc}]/u.test(String.fromCodePoint(text.codePointAt(isLowHalf ? index - 1 : index)!))
}
