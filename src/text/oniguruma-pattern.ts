import { invalid, MAX_DEPTH } from './json-fields.ts'

/** Longest pattern accepted, in UTF-16 code units; published tokenizers stay below 1,000. */
const MAX_PATTERN = 10_000

/**
 * Compiles a regular expression as tokenizer files write them (Oniguruma, Ruby syntax) to a JavaScript one with the
 * flags `gv`: Unicode white space, possessive quantifiers, atomic groups, inline `i` flags, POSIX classes.
 *
 * Source: Oniguruma's doc/RE and doc/UNICODE_PROPERTIES.
 *
 * @throws HenceError `TOKENIZER_INVALID` for syntax that has no equivalent, with its offset
 */
export function compilePattern(pattern: string): RegExp {
  if (pattern.length > MAX_PATTERN)
    throw invalid(`a pattern has ${pattern.length} characters, more than ${MAX_PATTERN}`, { length: pattern.length, limit: MAX_PATTERN })
  const source = new PatternTranslator(pattern).translate()
  try {
    return new RegExp(source, 'gv')
  } catch (cause) {
    throw invalid(`the pattern ${JSON.stringify(pattern)} does not compile`, { pattern, cause })
  }
}

/** A pattern that matches `text` itself everywhere. */
export function literalPattern(text: string): RegExp {
  let source = ''
  for (const character of text) source += codePoint(character)
  return new RegExp(source, 'gv')
}

const WORD = '[\\p{L}\\p{M}\\p{N}\\p{Pc}]'
/** Escapes that stand for a set of characters. */
const SETS: Readonly<Record<string, string>> = {
  s: '\\p{White_Space}',
  S: '\\P{White_Space}',
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  w: WORD,
  W: `[^${WORD}]`,
  h: '[0-9A-Fa-f]',
  H: '[^0-9A-Fa-f]',
}
/** Escapes that stand for one character. */
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', a: '\x07', e: '\x1b', '0': '\0' }
/** Escapes that match between characters. */
const ANCHORS: Readonly<Record<string, string>> = {
  A: '(?<!\\p{Any})',
  z: '(?!\\p{Any})',
  Z: '(?=\\n?(?!\\p{Any}))',
  b: `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`,
  B: `(?:(?<=${WORD})(?=${WORD})|(?<!${WORD})(?!${WORD}))`,
  R: '(?:\\r\\n|[\\n-\\r\\x85\\u2028\\u2029])',
}
/** Property and POSIX names that JavaScript spells otherwise. */
const PROPERTIES: Readonly<Record<string, string>> = {
  alpha: '\\p{Alphabetic}',
  alnum: '[\\p{Alphabetic}\\p{Nd}]',
  digit: '\\p{Nd}',
  lower: '\\p{Lowercase}',
  upper: '\\p{Uppercase}',
  punct: '[\\p{P}\\p{S}]',
  space: '\\p{White_Space}',
  blank: '[\\p{Zs}\\t]',
  cntrl: '\\p{Cc}',
  xdigit: '[0-9A-Fa-f]',
  word: WORD,
  any: '\\p{Any}',
}

/** Recursive descent over the pattern; each method returns JavaScript source. */
class PatternTranslator {
  readonly #pattern: string
  #at = 0
  #atomics = 0

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  translate(): string {
    const source = this.#alternatives(false, 0)
    if (this.#at < this.#pattern.length) throw this.#unsupported('an unmatched )')
    return source
  }

  #alternatives(fold: boolean, depth: number): string {
    if (depth > 4 * MAX_DEPTH) throw this.#unsupported('groups this deep')
    let folds = fold
    let source = ''
    while (this.#at < this.#pattern.length && this.#peek() !== ')') {
      if (this.#take('|')) {
        source += '|'
        continue
      }
      const flags = /^\(\?([a-z]*)(?:-([a-z]+))?\)/.exec(this.#pattern.slice(this.#at, this.#at + 16))
      if (flags) {
        folds = this.#flags(flags[1]!, flags[2] ?? '', folds)
        this.#at += flags[0].length
        continue
      }
      source += this.#quantified(this.#atom(folds, depth))
    }
    return source
  }

  #quantified(atom: string): string {
    let source = atom
    for (;;) {
      const quantifier = /^(?:[*+?]|\{\d{1,5}(?:,\d{0,5})?\}|\{,\d{1,5}\})/.exec(this.#pattern.slice(this.#at, this.#at + 16))?.[0]
      if (quantifier === undefined) return source
      this.#at += quantifier.length
      // A second quantifier applies to the first as a whole, unless it is one of the suffixes below.
      const quantity = quantifier.startsWith('{,') ? `{0${quantifier.slice(1)}` : quantifier
      if (this.#take('?')) source = `(?:${source}${quantity}?)`
      else if (!quantifier.startsWith('{') && this.#take('+')) source = this.#atomic(`${source}${quantity}`)
      else source = `(?:${source}${quantity})`
    }
  }

  /** What a lookahead has matched is never given back: an atomic group. */
  #atomic(source: string): string {
    const name = `atomic${this.#atomics++}`
    return `(?:(?=(?<${name}>${source}))\\k<${name}>)`
  }

  #atom(fold: boolean, depth: number): string {
    const character = this.#next()
    switch (character) {
      case '(':
        return this.#group(fold, depth)
      case '[':
        return this.#characterClass(fold, depth)
      case '\\':
        return this.#escape(fold, false)
      case '.':
        return '[^\\n]'
      case '^':
        return '(?<![^\\n])'
      case '$':
        return '(?![^\\n])'
      case '*':
      case '+':
      case '?':
        throw this.#unsupported(`a ${character} with nothing before it`)
      default:
        return literal(character, fold)
    }
  }

  #group(fold: boolean, depth: number): string {
    let open = '(?:'
    let folds = fold
    let isAtomic = false
    const look = /^\?(?:<?[=!])/.exec(this.#pattern.slice(this.#at, this.#at + 3))?.[0]
    const flags = /^\?([a-z]*)(?:-([a-z]+))?:/.exec(this.#pattern.slice(this.#at, this.#at + 16))
    const named = /^\?<[A-Za-z_]\w{0,40}>/.exec(this.#pattern.slice(this.#at, this.#at + 44))?.[0]
    if (look !== undefined) {
      open = `(${look}`
      this.#at += look.length
    } else if (flags) {
      folds = this.#flags(flags[1]!, flags[2] ?? '', fold)
      this.#at += flags[0].length
    } else if (named !== undefined) {
      this.#at += named.length
    } else if (this.#pattern.startsWith('?>', this.#at)) {
      isAtomic = true
      this.#at += 2
    } else if (this.#peek() === '?') throw this.#unsupported('this kind of group')
    const body = this.#alternatives(folds, depth + 1)
    if (!this.#take(')')) throw this.#unsupported('an unclosed (')
    return isAtomic ? this.#atomic(body) : `${open}${body})`
  }

  #flags(on: string, off: string, fold: boolean): boolean {
    for (const flag of on + off) if (flag !== 'i') throw this.#unsupported(`the flag ${flag}`)
    return on.includes('i') || (fold && !off.includes('i'))
  }

  /** Everything after `[`, through its `]`. */
  #characterClass(fold: boolean, depth: number): string {
    if (depth > 4 * MAX_DEPTH) throw this.#unsupported('classes this deep')
    const open = this.#take('^') ? '[^' : '['
    let operands = ''
    let items = ''
    for (let isFirst = true; ; isFirst = false) {
      if (this.#at >= this.#pattern.length) throw this.#unsupported('an unclosed [')
      if (!isFirst && this.#take(']')) break
      const posix = /^\[:(\^?)([a-z]+):\]/.exec(this.#pattern.slice(this.#at, this.#at + 16))
      if (posix) {
        this.#at += posix[0].length
        items += this.#property(posix[2]!, posix[1] === '^')
      } else if (this.#take('[')) items += this.#characterClass(fold, depth + 1)
      else if (this.#take('&&')) {
        operands += `[${items}]&&`
        items = ''
      } else items += this.#range(fold)
    }
    return operands === '' ? `${open}${items}]` : `${open}${operands}[${items}]]`
  }

  #range(fold: boolean): string {
    const from = this.#classItem()
    const isRange = this.#peek() === '-' && this.#at + 1 < this.#pattern.length && this.#pattern[this.#at + 1] !== ']'
    if (!isRange || from.length > 2) return from.length > 2 ? from : literalItems(from, from, fold)
    this.#at++
    const to = this.#classItem()
    if (to.length > 2 || from.codePointAt(0)! > to.codePointAt(0)!) throw this.#unsupported('this range')
    return literalItems(from, to, fold)
  }

  /** One character, or the source of a set, which is always longer than two code units. */
  #classItem(): string {
    const character = this.#next()
    return character === '\\' ? this.#escape(false, true) : character
  }

  /** Everything after a backslash; inside a class a character stands for itself. */
  #escape(fold: boolean, isInClass: boolean): string {
    if (this.#at >= this.#pattern.length) throw this.#unsupported('a backslash at the end')
    const character = this.#next()
    if (character === 'p' || character === 'P') {
      const name = /^\{(\^?)([\w =-]{1,60})\}/.exec(this.#pattern.slice(this.#at, this.#at + 64))
      if (!name) throw this.#unsupported('a property without {name}')
      this.#at += name[0].length
      return this.#property(name[2]!, (character === 'P') !== (name[1] === '^'))
    }
    const set = SETS[character]
    if (set !== undefined) return set
    const anchor = ANCHORS[character]
    if (anchor !== undefined && !isInClass) return anchor
    const control = CONTROLS[character]
    const code = /^(?:x\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4}))/.exec(this.#pattern.slice(this.#at - 1, this.#at + 9))
    let value = character
    if (control !== undefined) value = control
    else if (code) {
      const point = Number.parseInt(code[1] ?? code[2] ?? code[3]!, 16)
      if (point > 0x10ffff) throw this.#unsupported('a code point this large')
      this.#at += code[0].length - 1
      value = String.fromCodePoint(point)
    } else if (/[A-Za-z0-9]/.test(character)) throw this.#unsupported(`the escape \\${character}`)
    return isInClass ? value : literal(value, fold)
  }

  #property(name: string, isNegated: boolean): string {
    const positive = PROPERTIES[name.toLowerCase()] ?? [`\\p{${name}}`, `\\p{Script=${name}}`].find(compiles)
    if (positive === undefined) throw this.#unsupported(`the property ${name}`)
    return isNegated ? `[^${positive}]` : positive
  }

  #peek(): string | undefined {
    return this.#pattern[this.#at]
  }

  #take(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #next(): string {
    const character = String.fromCodePoint(this.#pattern.codePointAt(this.#at)!)
    this.#at += character.length
    return character
  }

  #unsupported(what: string): Error {
    return invalid(`the pattern ${JSON.stringify(this.#pattern)} has ${what} at offset ${this.#at}, which Hence cannot translate`, {
      pattern: this.#pattern,
      offset: this.#at,
    })
  }
}

function compiles(source: string): boolean {
  try {
    new RegExp(source, 'v')
    return true
  } catch {
    return false
  }
}

function codePoint(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`
}

function literal(character: string, fold: boolean): string {
  const items = literalItems(character, character, fold)
  return fold ? `[${items}]` : items
}

/** Class items for the characters `from` to `to`; with `fold` also ASCII letters of the other case, and ſ and K with s and k. */
function literalItems(from: string, to: string, fold: boolean): string {
  const range = (low: number, high: number): string =>
    low === high ? `\\u{${low.toString(16)}}` : `\\u{${low.toString(16)}}-\\u{${high.toString(16)}}`
  const low = from.codePointAt(0)!
  const high = to.codePointAt(0)!
  let items = range(low, high)
  if (!fold) return items
  for (const [start, shift] of [
    [65, 32],
    [97, -32],
  ] as const) {
    const first = Math.max(low, start)
    const last = Math.min(high, start + 25)
    if (first > last) continue
    items += range(first + shift, last + shift)
    const lowerFirst = Math.max(first, first + shift)
    const lowerLast = Math.max(last, last + shift)
    if (lowerFirst <= 115 && 115 <= lowerLast) items += '\\u{17f}'
    if (lowerFirst <= 107 && 107 <= lowerLast) items += '\\u{212a}'
  }
  if (low === high && low > 127) {
    for (const other of [from.toLowerCase(), from.toUpperCase()]) if (other !== from && [...other].length === 1) items += codePoint(other)
  }
  return items
}
