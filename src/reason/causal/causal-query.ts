import { HenceError } from '../../core/index.ts'

/** A variable in a question: with a state or for all of them, as it is or as it would be had others been set. */
export interface QueryTerm {
  readonly variable: string
  readonly state?: string | undefined
  /** States of variables set from outside in the world the term is about; empty for the world as it is. */
  readonly world: Readonly<Record<string, string>>
}

/** A question about causes: P(effects | do(causes), given). */
export interface CausalQuery {
  readonly effects: readonly QueryTerm[]
  /** Variables set from outside, each with a state or without one, which asks for a formula. */
  readonly causes: readonly { readonly variable: string; readonly state?: string | undefined }[]
  readonly given: readonly QueryTerm[]
}

const MAX_QUERY_LENGTH = 2 ** 16
const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|([^\s,|()=[\]{}"]+)|([,|()=[\]]))/y

/**
 * Reads a question: `P(y | do(x))` asks for a formula, `P(y=yes | do(x=no), z=low)` for a number too, `P(y[x=no] | x=yes, y=yes)`
 * what y would have been had x been no. `P( )` may be left out; names with other signs stand in double quotes.
 *
 * @throws HenceError `OPTION_INVALID` with the place
 */
export function parseCausalQuery(text: string): CausalQuery {
  return new QueryReader(text).read()
}

/**
 * True for a question that only a causal model answers: `P(… | do(…))`, a `do(x)` without a state, a world in brackets, or
 * `a _||_ b`.
 */
export function isCausalQuery(text: string): boolean {
  return /^\s*P\s*\(.*\bdo\s*\(|\bdo\s*\([^=)]*\)|[^\s,|()=]\s*\[[^\]]*=/s.test(text) || INDEPENDENCE.test(text)
}

/** Whether two sets are independent given a third. */
export interface IndependenceQuestion {
  readonly a: string[]
  readonly b: string[]
  readonly given: string[]
}

const INDEPENDENCE = /_\|\|_|⊥⊥?|⫫/

/** Reads `a, b _||_ c | d`; undefined for other questions. @throws HenceError `OPTION_INVALID` */
export function parseIndependence(text: string): IndependenceQuestion | undefined {
  const [left, right, ...more] = text.split(INDEPENDENCE)
  if (left === undefined || right === undefined || more.length > 0) return undefined
  const names = (terms: readonly QueryTerm[]): string[] => terms.map(({ variable }) => variable)
  const [a, b] = [parseCausalQuery(left), parseCausalQuery(right)]
  return { a: names(a.effects), b: names(b.effects), given: names(b.given) }
}

class QueryReader {
  readonly #text: string
  readonly #tokens: { readonly text: string; readonly isName: boolean; readonly at: number }[] = []
  #next = 0

  constructor(text: string) {
    this.#text = text
    if (text.length > MAX_QUERY_LENGTH) throw this.#fault(`is longer than ${MAX_QUERY_LENGTH} characters`, 0)
    TOKEN.lastIndex = 0
    const end = text.trimEnd().length
    while (TOKEN.lastIndex < end) {
      const at = TOKEN.lastIndex
      const match = TOKEN.exec(text)
      if (!match) throw this.#fault(`has ${JSON.stringify(text.slice(at).trimStart()[0])} where it has no meaning`, at)
      const [, quoted, name, mark] = match
      const isName = mark === undefined
      this.#tokens.push({ text: quoted === undefined ? (name ?? mark)! : quoted.slice(1, -1).replace(/\\(.)/g, '$1'), isName, at })
    }
  }

  read(): CausalQuery {
    const isWrapped = this.#isName('P') && this.#tokens[this.#next + 1]?.text === '('
    if (isWrapped) this.#next += 2
    const effects = this.#list(() => this.#term())
    const causes: { variable: string; state?: string }[] = []
    const given: QueryTerm[] = []
    if (this.#accept('|'))
      this.#list(() => {
        if (this.#isName('do') && this.#tokens[this.#next + 1]?.text === '(') {
          this.#next += 2
          for (const { at: _, ...cause } of this.#list(() => this.#assignment())) causes.push(cause)
          this.#expect(')')
        } else given.push(this.#term())
      })
    if (isWrapped) this.#expect(')')
    const rest = this.#tokens[this.#next]
    if (rest) throw this.#fault(`has ${JSON.stringify(rest.text)} after its end`, rest.at)
    return { effects, causes, given }
  }

  #term(): QueryTerm {
    const variable = this.#name()
    const world: Record<string, string> = Object.create(null)
    if (this.#accept('[')) {
      for (const { variable: set, state, at } of this.#list(() => this.#assignment())) {
        if (state === undefined) throw this.#fault(`sets ${set} without saying to what: ${variable}[${set}=…]`, at)
        world[set] = state
      }
      this.#expect(']')
    }
    return { variable, ...this.#state(), world: { ...world } }
  }

  #assignment(): { variable: string; state?: string; at: number } {
    const at = this.#tokens[this.#next]?.at ?? this.#text.length
    return { variable: this.#name(), ...this.#state(), at }
  }

  #state(): { state?: string } {
    return this.#accept('=') ? { state: this.#name() } : {}
  }

  #list<T>(read: () => T): T[] {
    const items = [read()]
    while (this.#accept(',')) items.push(read())
    return items
  }

  #isName(name: string): boolean {
    const token = this.#tokens[this.#next]
    return token?.isName === true && token.text === name
  }

  #name(): string {
    const token = this.#tokens[this.#next]
    if (!token?.isName) throw this.#fault(`needs a name ${token ? `before ${JSON.stringify(token.text)}` : 'at its end'}`, token?.at)
    this.#next++
    return token.text
  }

  #accept(mark: string): boolean {
    const token = this.#tokens[this.#next]
    if (!token || token.isName || token.text !== mark) return false
    this.#next++
    return true
  }

  #expect(mark: string): void {
    if (this.#accept(mark)) return
    const token = this.#tokens[this.#next]
    throw this.#fault(`needs "${mark}" ${token ? `before ${JSON.stringify(token.text)}` : 'at its end'}`, token?.at)
  }

  #fault(what: string, at = this.#text.length): HenceError {
    const shown = this.#text.length > 200 ? `${this.#text.slice(0, 200)}…` : this.#text
    return new HenceError('OPTION_INVALID', `the question ${JSON.stringify(shown)} ${what}`, {
      at,
      hint: 'Write P(y | do(x)), P(y=yes | do(x=no), z=low), or P(y[x=no] | x=yes, y=yes).',
    })
  }
}
