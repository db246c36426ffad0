import { type DiscreteNetworkDescription, type DiscreteVariableDescription, HenceError, nearest } from '../../core/index.ts'
import { CellBudget } from './cell-budget.ts'
import { hasRowSums, turnTable } from './table-order.ts'
import { TextScanner } from './text-scanner.ts'

/** A variable as its block declares it; `table` follows with its probability block. */
interface Declared {
  readonly name: string
  readonly states: readonly string[]
  parents?: readonly Declared[]
  table?: Float64Array
}

/**
 * Reads the Bayesian Interchange Format: `network`, `variable` and `probability` blocks. A `table` of a variable with parents
 * lists the variable's own state slowest, as the format says; where only the other order gives rows that sum to 1, that one.
 *
 * Source: Interchange Format for Bayesian Networks, version 0.15.
 *
 * @param where - names the text in messages
 * @throws HenceError `FILE_MALFORMED`, `FILE_LIMIT`
 */
export function readBif(text: string, where: string): DiscreteNetworkDescription {
  return new BifReader(text, where).read()
}

class BifReader {
  readonly #scanner: TextScanner
  readonly #declared = new Map<string, Declared>()
  readonly #budget: CellBudget

  constructor(text: string, where: string) {
    this.#scanner = new TextScanner(text, where)
    this.#budget = new CellBudget(where, text.length)
  }

  read(): DiscreteNetworkDescription {
    const scanner = this.#scanner
    let name = ''
    while (scanner.skip()) {
      if (scanner.takeWord('probability')) this.#probability()
      else if (scanner.takeWord('variable')) this.#variable()
      else if (scanner.takeWord('network')) name = this.#network()
      else throw scanner.fault('expected "network", "variable" or "probability"')
    }
    if (this.#declared.size === 0) throw scanner.fault('the file declares no variables')
    const variables = [...this.#declared.values()].map((declared): DiscreteVariableDescription => {
      const { name, states, parents = [], table } = declared
      if (!table) throw this.#invalid(`the variable ${name} has no probability block`, { variable: name })
      return { name, states, parents: parents.map(parent => parent.name), table }
    })
    return { name: name === 'unknown' ? '' : name, variables }
  }

  #network(): string {
    const scanner = this.#scanner
    const name = scanner.skip() && scanner.text[scanner.at] !== '{' ? scanner.word('the name of the network') : ''
    scanner.expect('{', 'after the name of the network')
    while (!scanner.take('}')) scanner.skipStatement()
    return name
  }

  #variable(): void {
    const scanner = this.#scanner
    const name = scanner.word('the name of a variable')
    if (this.#declared.has(name)) throw scanner.fault(`the variable ${name} is defined twice`, { variable: name })
    scanner.expect('{', `after the variable ${name}`)
    let states: string[] | undefined
    while (!scanner.take('}')) {
      if (scanner.takeWord('type')) states = this.#states(name)
      else scanner.skipStatement()
    }
    if (!states) throw scanner.fault(`the variable ${name} has no type`, { variable: name })
    this.#declared.set(name, { name, states })
  }

  #states(name: string): string[] {
    const scanner = this.#scanner
    if (!scanner.takeWord('discrete')) throw scanner.fault(`the variable ${name} is not discrete`, { variable: name })
    scanner.expect('[', `before the number of states of ${name}`)
    const count = scanner.number(`the number of states of ${name}`)
    scanner.expect(']', `after the number of states of ${name}`)
    scanner.expect('{', `before the states of ${name}`)
    const states: string[] = []
    while (!scanner.take('}')) {
      states.push(scanner.word(`a state of ${name}`))
      scanner.take(',')
    }
    scanner.expect(';', `after the states of ${name}`)
    if (states.length !== count) throw scanner.fault(`${name} has ${states.length} states instead of ${count}`, { variable: name })
    return states
  }

  #probability(): void {
    const scanner = this.#scanner
    scanner.expect('(', 'after "probability"')
    const self = this.#reference()
    const parents: Declared[] = []
    while (!scanner.take(')')) {
      if (scanner.take('|') || scanner.take(',')) continue
      parents.push(this.#reference())
    }
    if (self.table) throw scanner.fault(`${self.name} has two probability blocks`, { variable: self.name })
    scanner.expect('{', `before the probabilities of ${self.name}`)
    self.parents = parents
    self.table = this.#table(self, parents)
  }

  #reference(): Declared {
    const scanner = this.#scanner
    const name = scanner.word('the name of a variable')
    const declared = this.#declared.get(name)
    if (declared) return declared
    const close = nearest(name, this.#declared.keys())
    throw scanner.fault(`${JSON.stringify(name)} is no variable of the file${close === undefined ? '' : `; did you mean ${close}?`}`, {
      name,
      nearest: close,
    })
  }

  /** The body of a probability block, rows in the order of the parents, the first slowest. */
  #table(self: Declared, parents: readonly Declared[]): Float64Array {
    const scanner = this.#scanner
    const width = self.states.length
    const rows = parents.reduce((product, { states }) => product * states.length, 1)
    let values: Float64Array | undefined
    let filled: Uint8Array | undefined
    let fallback: Float64Array | undefined
    // Files list rows in some regular order: a parent's next state is mostly the last one or the one after.
    const last = new Int32Array(parents.length)
    while (!scanner.take('}')) {
      if (scanner.take('(')) {
        values ??= this.#budget.allocate(self.name, rows, width)
        filled ??= new Uint8Array(rows)
        const row = this.#row(self, parents, last)
        if (filled[row] === 1) throw scanner.fault(`a row of ${self.name} is given twice`, { variable: self.name })
        filled[row] = 1
        this.#numbers(self, values, row * width, width)
      } else if (scanner.takeWord('table')) {
        values = this.#budget.allocate(self.name, rows, width)
        filled = new Uint8Array(rows).fill(1)
        this.#numbers(self, values, 0, values.length)
        if (parents.length > 0) values = ownStateFastest(values, width)
      } else if (scanner.takeWord('default')) {
        fallback = new Float64Array(width)
        this.#numbers(self, fallback, 0, width)
      } else scanner.skipStatement()
    }
    if (fallback) {
      values ??= this.#budget.allocate(self.name, rows, width)
      for (let row = 0; row < rows; row++) if (filled?.[row] !== 1) values.set(fallback, row * width)
      return values
    }
    const missing = filled ? filled.indexOf(0) : 0
    if (!values || missing >= 0)
      throw this.#missingRow(self, parents, missing, filled ? filled.reduce((sum, flag) => sum + flag, 0) : 0, rows)
    return values
  }

  #row(self: Declared, parents: readonly Declared[], last: Int32Array): number {
    const scanner = this.#scanner
    let row = 0
    for (let i = 0; i < parents.length; i++) {
      const { name, states } = parents[i]!
      let state = last[i]!
      if (!scanner.takeWord(states[state]!)) {
        state = state + 1 === states.length ? 0 : state + 1
        if (!scanner.takeWord(states[state]!)) state = this.#state(name, states)
      }
      last[i] = state
      row = row * states.length + state
      if (i + 1 < parents.length) scanner.take(',')
    }
    scanner.expect(')', `after the states of the parents of ${self.name}`)
    return row
  }

  #state(variable: string, states: readonly string[]): number {
    const scanner = this.#scanner
    const begin = scanner.skip() ? scanner.at : scanner.text.length
    const word = scanner.word(`a state of ${variable}`)
    const state = states.indexOf(word)
    if (state >= 0) return state
    scanner.at = begin
    const close = nearest(word, states)
    const remark = close === undefined ? `; it has ${states.slice(0, 10).join(', ')}` : `; did you mean ${close}?`
    throw scanner.fault(`${variable} has no state ${JSON.stringify(word)}${remark}`, { variable, state: word, nearest: close })
  }

  /** `count` numbers and the semicolon behind them. */
  #numbers({ name }: Declared, into: Float64Array, at: number, count: number): void {
    const scanner = this.#scanner
    for (let i = 0; i < count; i++) {
      into[at + i] = scanner.number(`probability ${i + 1} of ${count} of ${name}`)
      scanner.take(',')
    }
    scanner.expect(';', `after ${count} probabilities of ${name}`)
  }

  #missingRow(self: Declared, parents: readonly Declared[], row: number, given: number, rows: number): HenceError {
    let rest = row
    const states = parents.toReversed().map(({ states }) => {
      const state = states[rest % states.length]
      rest = Math.floor(rest / states.length)
      return state
    })
    const which = states.length === 0 ? '' : `, for one (${states.reverse().join(', ')})`
    return this.#invalid(`${self.name} has ${given} of ${rows} rows and no default${which}`, { variable: self.name, given, rows })
  }

  #invalid(message: string, details: Readonly<Record<string, unknown>>): HenceError {
    const { where } = this.#scanner
    return new HenceError('FILE_MALFORMED', `${where}: ${message}`, { where, ...details })
  }
}

/** The order of the format is [own state, rows], unless the file plainly has [rows, own state]. */
function ownStateFastest(values: Float64Array, width: number): Float64Array {
  const turned = turnTable(values, width)
  return !hasRowSums(turned, width) && hasRowSums(values, width) ? values : turned
}
