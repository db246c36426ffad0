import type { CliqueTable, Likelihood, Reduction } from './clique-table.ts'
import { cellCount, type Factor } from './factor.ts'
import { fillStrided, multiplyStrided, planStrides, type StridedPlan, sumStrided } from './strided.ts'

/** What a clique's table is made from. */
export interface CliqueParts {
  readonly scope: readonly number[]
  readonly separatorLength: number
  readonly cards: ArrayLike<number>
  /** Factors over variables of the clique. */
  readonly factors: readonly Factor[]
  /** Separators of the children. */
  readonly childScopes: readonly (readonly number[])[]
}

/** Tables of potentials are joined up to this many cells, or a quarter of their clique's. */
const JOIN_CELLS = 4096

/** Memory that cliques share for intermediate results. */
export class Scratch {
  #cells = new Float64Array(0)

  /** At least `count` cells; what they held before is lost. */
  take(count: number): Float64Array {
    if (this.#cells.length < count) this.#cells = new Float64Array(count)
    return this.#cells
  }
}

/** A clique with a cell for every combination of states. */
export class DenseClique implements CliqueTable {
  readonly #parts: CliqueParts
  readonly #separatorCells: number
  readonly #residualCells: number
  readonly #bases: readonly { readonly table: Float64Array; readonly plan: StridedPlan }[]
  readonly #childPlans: readonly StridedPlan[]
  readonly #likelihoodPlans = new Map<number, StridedPlan>()
  readonly #scratch: Scratch
  #table: Float64Array | undefined

  constructor(parts: CliqueParts, scratch: Scratch) {
    const { scope, separatorLength, cards, factors, childScopes } = parts
    this.#parts = parts
    this.#scratch = scratch
    this.#separatorCells = cellCount(scope.slice(0, separatorLength), cards)
    this.#residualCells = cellCount(scope.slice(separatorLength), cards)
    const limit = Math.max(JOIN_CELLS, (this.#separatorCells * this.#residualCells) / 4)
    this.#bases = joinFactors(factors, scope, cards, limit).map(base => ({
      table: base.table,
      plan: planStrides(scope, base.scope, cards),
    }))
    this.#childPlans = childScopes.map(child => planStrides(scope, child, cards))
  }

  get bytes(): number {
    return this.#separatorCells * this.#residualCells * 8
  }

  collect(likelihoods: readonly Likelihood[], messages: readonly Float64Array[], up: Float64Array, reduction: Reduction): void {
    this.#table ??= new Float64Array(this.#separatorCells * this.#residualCells)
    const table = this.#table
    let isFilled = false
    const apply = (operand: Float64Array, plan: StridedPlan): void => {
      if (isFilled) multiplyStrided(table, operand, plan)
      else fillStrided(table, operand, plan)
      isFilled = true
    }
    for (const { table: operand, plan } of this.#bases) apply(operand, plan)
    for (const [i, message] of messages.entries()) apply(message, this.#childPlans[i]!)
    if (!isFilled) table.fill(1)
    for (const { variable, values } of likelihoods) multiplyStrided(table, values, this.#likelihoodPlan(variable))
    if (reduction === 'sum') sumBlocks(table, this.#residualCells, up)
    else maxBlocks(table, this.#residualCells, up)
  }

  project(down: Float64Array | undefined, into: readonly Float64Array[]): void {
    const belief = this.#belief(down)
    for (const [i, target] of into.entries()) {
      target.fill(0)
      sumStrided(belief, target, this.#childPlans[i]!)
    }
  }

  residual(down: Float64Array | undefined): Float64Array {
    const size = this.#residualCells
    const table = this.#table!
    if (down === undefined) return table
    const out = new Float64Array(size)
    for (let row = 0, at = 0; row < down.length; row++, at += size) {
      const scale = down[row]!
      if (scale !== 0) for (let k = 0; k < size; k++) out[k]! += scale * table[at + k]!
    }
    return out
  }

  forEachCell(separatorIndex: number, visit: (residualIndex: number, value: number) => void): void {
    const size = this.#residualCells
    for (let k = 0; k < size; k++) {
      const value = this.#table![separatorIndex * size + k]!
      if (value !== 0) visit(k, value)
    }
  }

  #belief(down: Float64Array | undefined): Float64Array {
    const table = this.#table!
    if (down === undefined) return table
    const belief = this.#scratch.take(table.length)
    const size = this.#residualCells
    for (let row = 0, at = 0; row < down.length; row++, at += size) {
      const scale = down[row]!
      for (let k = at; k < at + size; k++) belief[k] = scale * table[k]!
    }
    return belief
  }

  #likelihoodPlan(variable: number): StridedPlan {
    let plan = this.#likelihoodPlans.get(variable)
    if (!plan) {
      plan = planStrides(this.#parts.scope, [variable], this.#parts.cards)
      this.#likelihoodPlans.set(variable, plan)
    }
    return plan
  }
}

/** Products of factors, as few as fit into tables of `limit` cells; the largest first. */
export function joinFactors(
  factors: readonly Factor[],
  order: readonly number[],
  cards: ArrayLike<number>,
  limit: number,
): readonly Factor[] {
  const groups: { variables: Set<number>; factors: Factor[] }[] = []
  for (const factor of [...factors].sort((a, b) => b.table.length - a.table.length)) {
    const group = groups.find(({ variables }) => cellCount(new Set([...variables, ...factor.scope]), cards) <= limit)
    if (group) {
      group.factors.push(factor)
      for (const variable of factor.scope) group.variables.add(variable)
    } else groups.push({ variables: new Set(factor.scope), factors: [factor] })
  }
  return groups.map(({ variables, factors: [first, ...others] }) => {
    if (others.length === 0) return first!
    const scope = order.filter(variable => variables.has(variable))
    const table = new Float64Array(cellCount(scope, cards))
    fillStrided(table, first!.table, planStrides(scope, first!.scope, cards))
    for (const other of others) multiplyStrided(table, other.table, planStrides(scope, other.scope, cards))
    return { scope, table }
  })
}

function sumBlocks(table: Float64Array, size: number, out: Float64Array): void {
  for (let row = 0, at = 0; row < out.length; row++) {
    let sum = 0
    for (const end = at + size; at < end; at++) sum += table[at]!
    out[row] = sum
  }
}

function maxBlocks(table: Float64Array, size: number, out: Float64Array): void {
  for (let row = 0, at = 0; row < out.length; row++) {
    let most = 0
    for (const end = at + size; at < end; at++) if (table[at]! > most) most = table[at]!
    out[row] = most
  }
}
