import { type CharTest, invalidPattern } from './syntax.ts'

const DIGIT: CharTest = code => code >= 48 && code <= 57
const SPACE: CharTest = code => code === 32 || code === 9 || code === 10 || code === 12 || code === 13

/** True for ASCII letters, digits and the underscore. */
export const isWordChar: CharTest = code => DIGIT(code) || isLetter(code) || code === 95

function isLetter(code: number): boolean {
  const lower = code | 32
  return lower >= 97 && lower <= 122
}

/** The test that `\d`, `\D`, `\s`, `\S`, `\w` and `\W` stand for, by their letter. */
export const PERL_CLASSES: Readonly<Record<string, CharTest>> = {
  d: DIGIT,
  D: not(DIGIT),
  s: SPACE,
  S: not(SPACE),
  w: isWordChar,
  W: not(isWordChar),
}

/** The test a name inside `[: :]` stands for; all are about ASCII. */
export const POSIX_CLASSES: Readonly<Record<string, CharTest>> = {
  alnum: code => DIGIT(code) || isLetter(code),
  alpha: isLetter,
  ascii: code => code < 128,
  blank: code => code === 9 || code === 32,
  cntrl: code => code < 32 || code === 127,
  digit: DIGIT,
  graph: code => code > 32 && code < 127,
  lower: code => code >= 97 && code <= 122,
  print: code => code >= 32 && code < 127,
  punct: code => code > 32 && code < 127 && !DIGIT(code) && !isLetter(code),
  space: code => SPACE(code) || code === 11,
  upper: code => code >= 65 && code <= 90,
  word: isWordChar,
  xdigit: code => DIGIT(code) || ((code | 32) >= 97 && (code | 32) <= 102),
}

/** The opposite test. */
export function not(test: CharTest): CharTest {
  return code => !test(code)
}

/**
 * The test of a Unicode general category or script.
 *
 * @throws HenceError `GRAPH_INVALID` for an unknown name
 */
export function unicodeClass(pattern: string, name: string): CharTest {
  if (name === 'Any') return () => true
  if (!/^[A-Za-z_]{1,40}$/.test(name)) throw invalidPattern(pattern, `names the Unicode class "${name}", which is none`)
  for (const property of [`General_Category=${name}`, `Script=${name}`]) {
    try {
      const expression = new RegExp(`^\\p{${property}}$`, 'u')
      return code => expression.test(String.fromCodePoint(code))
    } catch {
      // Not a name of this property.
    }
  }
  throw invalidPattern(pattern, `names the unknown Unicode class "${name}"`)
}

/** One representative of the characters that differ only in case. */
export function foldCase(code: number): number {
  if (code < 128) return code >= 65 && code <= 90 ? code + 32 : code
  return single(single(code, 'toUpperCase'), 'toLowerCase')
}

function single(code: number, change: 'toUpperCase' | 'toLowerCase'): number {
  const text = String.fromCodePoint(code)[change]()
  const changed = text.codePointAt(0)!
  return text.length === (changed > 0xffff ? 2 : 1) ? changed : code
}

// Characters whose case folds onto ASCII or onto letters with three forms, which changing case back does not reach.
const EXTRA_FORMS: Readonly<Record<number, readonly number[]>> = {
  107: [0x212a],
  115: [0x17f],
  229: [0x212b],
  946: [0x3d0],
  949: [0x3f5],
  952: [0x3d1, 0x3f4],
  953: [0x345, 0x1fbe],
  954: [0x3f0],
  956: [0xb5],
  960: [0x3d6],
  961: [0x3f1],
  963: [0x3c2],
  966: [0x3d5],
  969: [0x2126],
  7777: [0x1e9b],
}

/** Accepts what `test` accepts in any case. */
export function ignoringCase(test: CharTest): CharTest {
  return code => {
    if (test(code)) return true
    const folded = foldCase(code)
    if (test(folded) || test(single(folded, 'toUpperCase'))) return true
    return EXTRA_FORMS[folded]?.some(test) ?? false
  }
}
