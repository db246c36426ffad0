import type { CliqueTable, Likelihood, Reduction } from './clique-table.ts'
import { cellCount } from './factor.ts'
import type { Support } from './support.ts'

/** What a sparse clique is made from. */
export interface SparseParts {
  readonly scope: readonly number[]
  readonly separatorLength: number
  readonly cards: ArrayLike<number>
  readonly support: Support
}

/** A clique that has only the cells that may be other than zero, each with its places in the tables around it. */
export class SparseClique implements CliqueTable {
  readonly #parts: SparseParts
  readonly #support: Support
  readonly #table: Float64Array
  readonly #residualCells: number

  constructor(parts: SparseParts) {
    this.#parts = parts
    this.#support = parts.support
    this.#table = new Float64Array(parts.support.values.length)
    this.#residualCells = cellCount(parts.scope.slice(parts.separatorLength), parts.cards)
  }

  get bytes(): number {
    return this.#table.length * (20 + 4 * this.#support.children.length)
  }

  collect(likelihoods: readonly Likelihood[], messages: readonly Float64Array[], up: Float64Array, reduction: Reduction): void {
    const { values, children } = this.#support
    const table = this.#table
    if (messages.length === 0) table.set(values)
    for (const [i, message] of messages.entries()) {
      const source = i === 0 ? values : table
      const places = children[i]!
      for (let k = 0; k < table.length; k++) table[k] = source[k]! * message[places[k]!]!
    }
    for (const likelihood of likelihoods) this.#multiply(likelihood)
    this.#reduce(up, reduction)
  }

  project(down: Float64Array | undefined, into: readonly Float64Array[]): void {
    const { rowStarts, children } = this.#support
    const table = this.#table
    for (const [i, target] of into.entries()) {
      const places = children[i]!
      target.fill(0)
      if (down === undefined) for (let k = 0; k < table.length; k++) target[places[k]!]! += table[k]!
      else
        for (let row = 0; row < down.length; row++) {
          const scale = down[row]!
          if (scale === 0) continue
          for (let k = rowStarts[row]!; k < rowStarts[row + 1]!; k++) target[places[k]!]! += scale * table[k]!
        }
    }
  }

  residual(down: Float64Array | undefined): Float64Array {
    const { rowStarts, residuals } = this.#support
    const table = this.#table
    const out = new Float64Array(this.#residualCells)
    for (let row = 0; row + 1 < rowStarts.length; row++) {
      const scale = down === undefined ? 1 : down[row]!
      if (scale === 0) continue
      for (let k = rowStarts[row]!; k < rowStarts[row + 1]!; k++) out[residuals[k]!]! += scale * table[k]!
    }
    return out
  }

  forEachCell(separatorIndex: number, visit: (residualIndex: number, value: number) => void): void {
    const { rowStarts, residuals } = this.#support
    for (let k = rowStarts[separatorIndex]!; k < rowStarts[separatorIndex + 1]!; k++)
      if (this.#table[k] !== 0) visit(residuals[k]!, this.#table[k]!)
  }

  #multiply({ variable, values }: Likelihood): void {
    const { scope, separatorLength, cards } = this.#parts
    const { rowStarts, residuals } = this.#support
    const table = this.#table
    const card = cards[variable]!
    const place = scope.indexOf(variable)
    if (place < separatorLength) {
      const stride = cellCount(scope.slice(place + 1, separatorLength), cards)
      for (let row = 0; row + 1 < rowStarts.length; row++) {
        const factor = values[Math.floor(row / stride) % card]!
        for (let k = rowStarts[row]!; k < rowStarts[row + 1]!; k++) table[k]! *= factor
      }
    } else {
      const stride = cellCount(scope.slice(place + 1), cards)
      for (let k = 0; k < table.length; k++) table[k]! *= values[Math.floor(residuals[k]! / stride) % card]!
    }
  }

  #reduce(up: Float64Array, reduction: Reduction): void {
    const { rowStarts } = this.#support
    const table = this.#table
    for (let row = 0, k = 0; row < up.length; row++) {
      const end = rowStarts[row + 1]!
      let result = 0
      if (reduction === 'sum') for (; k < end; k++) result += table[k]!
      else for (; k < end; k++) if (table[k]! > result) result = table[k]!
      up[row] = result
    }
  }
}
