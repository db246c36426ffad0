import { classAt, LETTER, NUMBER, OTHER, runEnd, SPACE, widthAt } from './unicode-class.ts'

/** End of the piece of `text` that starts at `start`, for `start < text.length`; always beyond `start`. */
export type Scanner = (text: string, start: number) => number

/** GPT-2's pattern. Source: the encoder released with "Language Models are Unsupervised Multitask Learners" (2019). */
export const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

const CL100K_REST = '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'
const CL100K_START = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
const CL100K_START_SPELLED = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"

/** The pattern of Llama 3 and its kin: digits in groups of up to three. */
export const LLAMA3_PATTERN: string = `${CL100K_START}\\p{N}{1,3}${CL100K_REST}`
/** The pattern of Qwen 2 and its kin: each digit by itself. */
export const QWEN2_PATTERN: string = `${CL100K_START}\\p{N}${CL100K_REST}`

/** Hand-written scanners by the pattern they stand for. */
export const KNOWN_SCANNERS: ReadonlyMap<string, Scanner> = new Map<string, Scanner>([
  [GPT2_PATTERN, scanGpt2],
  [LLAMA3_PATTERN, (text, start) => scanCl100k(text, start, 3, true)],
  [QWEN2_PATTERN, (text, start) => scanCl100k(text, start, 1, true)],
  [`${CL100K_START_SPELLED}\\p{N}{1,3}${CL100K_REST}`, (text, start) => scanCl100k(text, start, 3, false)],
  [`${CL100K_START_SPELLED}\\p{N}${CL100K_REST}`, (text, start) => scanCl100k(text, start, 1, false)],
])

const QUOTE = 39
const BLANK = 32
const LONG_S = 0x17f

/** {@link GPT2_PATTERN} by hand. */
function scanGpt2(text: string, start: number): number {
  const code = text.charCodeAt(start)
  if (code === QUOTE) {
    const end = contractionEnd(text, start, 0)
    if (end > start) return end
  }
  const head = code === BLANK && start + 1 < text.length ? start + 1 : start
  const kind = classAt(text, head)
  if (kind !== SPACE) return runEnd(text, head + widthAt(text, head), kind)
  return spaceEnd(text, start, runEnd(text, start, SPACE))
}

/** {@link LLAMA3_PATTERN} or {@link QWEN2_PATTERN} by hand; `foldsCase` also takes U+017F for s, as case folding does. */
function scanCl100k(text: string, start: number, maxDigits: number, foldsCase: boolean): number {
  const length = text.length
  const code = text.charCodeAt(start)
  if (code === QUOTE) {
    const end = contractionEnd(text, start, 0x20)
    if (end > start) return end
    if (foldsCase && text.charCodeAt(start + 1) === LONG_S) return start + 2
  }
  const kind = classAt(text, start)
  if (kind === LETTER) return runEnd(text, start, LETTER)
  if (kind === NUMBER) {
    let end = start
    for (let digits = 0; digits < maxDigits && end < length && classAt(text, end) === NUMBER; digits++) end += widthAt(text, end)
    return end
  }
  const next = start + widthAt(text, start)
  const nextKind = next < length ? classAt(text, next) : 0
  if (nextKind === LETTER && code !== 10 && code !== 13) return runEnd(text, next, LETTER)
  if (kind === OTHER || (code === BLANK && nextKind === OTHER)) return newlinesEnd(text, runEnd(text, next, OTHER))
  const run = runEnd(text, start, SPACE)
  for (let i = run - 1; i >= start; i--) {
    const c = text.charCodeAt(i)
    if (c === 10 || c === 13) return i + 1
  }
  return spaceEnd(text, start, run)
}

/** White space gives its last character to the word that follows. White space is never a surrogate pair. */
function spaceEnd(text: string, start: number, run: number): number {
  return run < text.length && run - start > 1 ? run - 1 : run
}

function newlinesEnd(text: string, index: number): number {
  let end = index
  while (end < text.length && (text.charCodeAt(end) === 10 || text.charCodeAt(end) === 13)) end++
  return end
}

/** End of 's 't 'm 'd 're 've 'll at `start`, else `start`; `fold` is 0x20 to take capitals too. */
function contractionEnd(text: string, start: number, fold: number): number {
  const first = text.charCodeAt(start + 1) | fold
  // s t m d
  if (first === 115 || first === 116 || first === 109 || first === 100) return start + 2
  const second = text.charCodeAt(start + 2) | fold
  // re ve ll
  if ((first === 114 || first === 118) && second === 101) return start + 3
  return first === 108 && second === 108 ? start + 3 : start
}
