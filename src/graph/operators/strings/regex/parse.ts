import { foldCase, ignoringCase, isWordChar, not, PERL_CLASSES, POSIX_CLASSES, unicodeClass } from './char-classes.ts'
import { type CharTest, invalidPattern, type RegexNode } from './syntax.ts'

const MAX_REPEAT = 1000
const MAX_DEPTH = 500

interface Flags {
  readonly ignoreCase: boolean
  readonly multiLine: boolean
  readonly dotAll: boolean
}

const ESCAPES: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 }

/**
 * Reads a pattern in the syntax of RE2. Source: https://github.com/google/re2/wiki/Syntax
 *
 * @throws HenceError `GRAPH_INVALID` for a pattern outside that syntax
 */
export function parseRegex(pattern: string): RegexNode {
  return new Parser(pattern).parse()
}

class Parser {
  readonly #pattern: string
  readonly #codes: readonly string[]
  #at = 0
  #depth = 0
  #flags: Flags = { ignoreCase: false, multiLine: false, dotAll: false }

  constructor(pattern: string) {
    this.#pattern = pattern
    this.#codes = [...pattern]
  }

  parse(): RegexNode {
    const node = this.#alternatives()
    if (this.#at < this.#codes.length) throw this.#invalid('has a closing parenthesis too many')
    return node
  }

  #invalid(why: string): Error {
    return invalidPattern(this.#pattern, why)
  }

  #peek(text: string): boolean {
    for (let index = 0; index < text.length; index++) if (this.#codes[this.#at + index] !== text[index]) return false
    return true
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false
    this.#at += text.length
    return true
  }

  #next(): string {
    const code = this.#codes[this.#at++]
    if (code === undefined) throw this.#invalid('ends too early')
    return code
  }

  #alternatives(): RegexNode {
    if (++this.#depth > MAX_DEPTH) throw this.#invalid(`nests deeper than ${MAX_DEPTH}`)
    const flags = this.#flags
    const items = [this.#sequence()]
    while (this.#take('|')) items.push(this.#sequence())
    // Flags set inside a group end with it.
    this.#flags = flags
    this.#depth--
    return items.length === 1 ? items[0]! : { kind: 'either', items }
  }

  #sequence(): RegexNode {
    const items: RegexNode[] = []
    while (this.#at < this.#codes.length && !this.#peek('|') && !this.#peek(')')) {
      if (this.#take('\\Q')) items.push(...this.#quoted())
      else items.push(this.#repeated(this.#atom()))
    }
    return items.length === 1 ? items[0]! : { kind: 'sequence', items }
  }

  /** The characters up to `\E`; an operator after them applies to the last. */
  #quoted(): RegexNode[] {
    const items: RegexNode[] = []
    while (this.#at < this.#codes.length && !this.#take('\\E')) items.push(this.#literal(this.#next().codePointAt(0)!))
    const last = items.pop()
    return last ? [...items, this.#repeated(last)] : items
  }

  #repeated(atom: RegexNode): RegexNode {
    let node = atom
    for (let count = 0; ; count++) {
      const bounds = this.#bounds()
      if (!bounds) return node
      if (count > 0) throw this.#invalid('repeats a repetition')
      const [least, most] = bounds
      if (least > MAX_REPEAT || (Number.isFinite(most) && most > MAX_REPEAT) || least > most)
        throw this.#invalid(`repeats between ${least} and ${most} times, which must be in order and at most ${MAX_REPEAT}`)
      this.#take('?')
      node = { kind: 'repeat', item: node, least, most }
    }
  }

  #bounds(): readonly [least: number, most: number] | undefined {
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY]
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY]
    if (this.#take('?')) return [0, 1]
    if (!this.#peek('{')) return undefined
    const text = this.#codes.slice(this.#at, this.#at + 16).join('')
    // Braces that are no repetition are literal.
    const match = /^\{(\d{1,6})(,(\d{0,6}))?\}/.exec(text)
    if (!match) return undefined
    this.#at += match[0].length
    const least = Number(match[1])
    if (match[2] === undefined) return [least, least]
    return [least, match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3])]
  }

  #atom(): RegexNode {
    const code = this.#next()
    switch (code) {
      case '(':
        return this.#group()
      case '[':
        return { kind: 'char', test: this.#cased(this.#class()) }
      case '.':
        return { kind: 'char', test: this.#flags.dotAll ? () => true : code => code !== 10 }
      case '^':
        return { kind: 'assert', assertion: this.#flags.multiLine ? 'line-start' : 'text-start' }
      case '$':
        return { kind: 'assert', assertion: this.#flags.multiLine ? 'line-end' : 'text-end' }
      case '*':
      case '+':
      case '?':
        throw this.#invalid(`has nothing before ${code} to repeat`)
      case '\\':
        return this.#escaped()
      default:
        return this.#literal(code.codePointAt(0)!)
    }
  }

  #literal(code: number): RegexNode {
    if (!this.#flags.ignoreCase) return { kind: 'char', test: other => other === code }
    const folded = foldCase(code)
    return { kind: 'char', test: other => foldCase(other) === folded }
  }

  #cased(test: CharTest): CharTest {
    return this.#flags.ignoreCase ? ignoringCase(test) : test
  }

  #group(): RegexNode {
    const flags = this.#flags
    if (this.#take('?')) {
      if (this.#take('P<') || (this.#peek('<') && !this.#peek('<=') && !this.#peek('<!') && this.#take('<'))) this.#groupName()
      else if (this.#readFlags() === ')') return { kind: 'empty' }
    }
    const node = this.#alternatives()
    if (!this.#take(')')) throw this.#invalid('lacks a closing parenthesis')
    this.#flags = flags
    return node
  }

  #groupName(): void {
    let name = ''
    for (let code = this.#next(); code !== '>'; code = this.#next()) name += code
    if (!/^[\p{L}\p{M}\p{N}\p{Pc}]+$/u.test(name)) throw this.#invalid(`names a group "${name}"`)
  }

  /** Flags after `(?` up to the colon or parenthesis that ends them, which is returned. */
  #readFlags(): string {
    const set = { ...this.#flags }
    let isOn = true
    for (;;) {
      const code = this.#next()
      if (code === 'i') set.ignoreCase = isOn
      else if (code === 'm') set.multiLine = isOn
      else if (code === 's') set.dotAll = isOn
      else if (code === '-' && isOn) isOn = false
      else if (code === ')' || code === ':') {
        this.#flags = set
        return code
      } else if (code !== 'U') throw this.#invalid(`has the unknown group "(?${code}"`)
    }
  }

  #escaped(): RegexNode {
    const code = this.#codes[this.#at]
    if (code === 'A' || code === 'z' || code === 'b' || code === 'B') {
      this.#at++
      const assertion = code === 'A' ? 'text-start' : code === 'z' ? 'text-end' : code === 'b' ? 'word' : 'not-word'
      return { kind: 'assert', assertion }
    }
    const test = this.#classEscape()
    if (test) return { kind: 'char', test: this.#cased(test) }
    return this.#literal(this.#charEscape())
  }

  /** `\d`, `\pL`, `\p{Greek}` and the like, after the backslash; `undefined` when it is another escape. */
  #classEscape(): CharTest | undefined {
    const code = this.#codes[this.#at]
    if (code === undefined) throw this.#invalid('ends with a backslash')
    const perl = PERL_CLASSES[code]
    if (perl) {
      this.#at++
      return perl
    }
    if (code !== 'p' && code !== 'P') return undefined
    this.#at++
    let name = this.#next()
    if (name === '{') {
      name = ''
      for (let part = this.#next(); part !== '}'; part = this.#next()) name += part
    }
    const isNegated = name.startsWith('^') !== (code === 'P')
    const test = unicodeClass(this.#pattern, name.replace(/^\^/, ''))
    return isNegated ? not(test) : test
  }

  /** The code point an escape stands for, after the backslash. */
  #charEscape(): number {
    const code = this.#next()
    const known = ESCAPES[code]
    if (known !== undefined) return known
    if (code === 'x') return this.#hexEscape()
    if (/[0-7]/.test(code)) return this.#octalEscape(code)
    if (code.codePointAt(0)! < 128 && !isWordChar(code.codePointAt(0)!)) return code.codePointAt(0)!
    if (code === '_') return 95
    throw this.#invalid(`has the unknown escape "\\${code}"`)
  }

  #hexEscape(): number {
    let digits = ''
    if (this.#take('{')) for (let digit = this.#next(); digit !== '}'; digit = this.#next()) digits += digit
    else digits = this.#next() + this.#next()
    const value = /^[0-9A-Fa-f]{1,8}$/.test(digits) ? Number.parseInt(digits, 16) : Number.NaN
    if (!(value <= 0x10ffff)) throw this.#invalid(`has the character code "${digits}"`)
    return value
  }

  /** `\0`, `\012`, `\123`; a single digit but 0 would be a reference to a group. */
  #octalEscape(first: string): number {
    let digits = first
    while (digits.length < 3 && /^[0-7]$/.test(this.#codes[this.#at] ?? '')) digits += this.#next()
    if (first !== '0' && digits.length < 2) throw this.#invalid(`refers back to group ${first}`)
    return Number.parseInt(digits, 8)
  }

  #class(): CharTest {
    const isNegated = this.#take('^')
    const tests: CharTest[] = []
    for (let isFirst = true; isFirst || !this.#peek(']'); isFirst = false) tests.push(this.#classItem())
    this.#at++
    const any: CharTest = tests.length === 1 ? tests[0]! : code => tests.some(test => test(code))
    // Case is ignored before the class is negated.
    return isNegated ? not(this.#cased(any)) : any
  }

  #classItem(): CharTest {
    if (this.#peek('[:')) {
      const end = this.#codes.indexOf(']', this.#at)
      const match = /^\[:(\^?)([a-z]+):$/.exec(this.#codes.slice(this.#at, end).join(''))
      const test = match && POSIX_CLASSES[match[2]!]
      if (!match || !test) throw this.#invalid('has an unknown class inside brackets')
      this.#at = end + 1
      return match[1] === '^' ? not(test) : test
    }
    const low = this.#classChar()
    if (typeof low !== 'number') return low
    const isRange = this.#peek('-') && this.#codes[this.#at + 1] !== ']'
    if (!isRange) return code => code === low
    this.#at++
    const high = this.#classChar()
    if (typeof high !== 'number' || high < low) throw this.#invalid('has a range whose ends are out of order')
    return code => code >= low && code <= high
  }

  #classChar(): number | CharTest {
    const code = this.#next()
    if (code !== '\\') return code.codePointAt(0)!
    return this.#classEscape() ?? this.#charEscape()
  }
}
