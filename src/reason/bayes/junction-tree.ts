import type { CliqueTable, Likelihood, Reduction } from './clique-table.ts'
import { homeOf, makeCliqueTables } from './clique-tables.ts'
import type { CliqueTree } from './clique-tree.ts'
import { cellCount, type Factor } from './factor.ts'
import { normalize } from './normalize.ts'
import type { Steps } from './steps.ts'
import { placesIn, planStrides, sumStrided } from './strided.ts'

/** What a {@link JunctionTree} is made from. Variables are numbered from 0. */
export interface JunctionTreeParts {
  readonly tree: CliqueTree
  readonly cards: ArrayLike<number>
  readonly factors: readonly Factor[]
  /** How the variables of each clique leave it; all by sums when absent. */
  readonly reductions?: readonly Reduction[] | undefined
  /** Most cells in all tables together; zeros that are not kept do not count. */
  readonly maxCells?: number | undefined
}

/** Where the marginal of a variable is summed from. */
interface Source {
  /** The clique whose residual has it, or whose separator has it. */
  readonly clique: number
  readonly isSeparator: boolean
}

/**
 * A clique tree with tables. Likelihoods of variables are set and taken back at will; messages that are not touched by a change
 * are kept, and messages towards the leaves are made for the variables that are asked for only.
 *
 * Every message is scaled to sum to 1 and the logarithms of the scales are kept: their sum is the logarithm of the mass.
 *
 * Source: Lauritzen & Spiegelhalter (1988); Jensen, Lauritzen & Olesen (1990) for the division by the old message.
 */
export class JunctionTree {
  readonly tree: CliqueTree
  readonly #cards: ArrayLike<number>
  readonly #reductions: readonly Reduction[]
  readonly #children: readonly (readonly number[])[]
  readonly #tables: readonly CliqueTable[]
  readonly #up: readonly Float64Array[]
  readonly #childMessages: readonly (readonly Float64Array[])[]
  readonly #down: (Float64Array | undefined)[]
  readonly #logScales: Float64Array
  readonly #isDirty: Uint8Array
  readonly #likelihoods: Map<number, Likelihood>[]
  readonly #entries: Int32Array
  readonly #sources: (Source | undefined)[]
  readonly #residuals: (Float64Array | undefined)[]
  /** Cliques whose children have messages from above that are still right. */
  readonly #isProjected: Uint8Array

  /** @throws HenceError `INFERENCE_TOO_LARGE` */
  constructor({ tree, cards, factors, reductions, maxCells = Number.POSITIVE_INFINITY }: JunctionTreeParts) {
    const { cliques } = tree
    this.tree = tree
    this.#cards = cards
    this.#reductions = reductions ?? cliques.map(() => 'sum')
    const children: number[][] = cliques.map(() => [])
    for (const [i, { parent }] of cliques.entries()) if (parent >= 0) children[parent]!.push(i)
    this.#children = children
    this.#tables = makeCliqueTables(tree, children, cards, factors, maxCells)
    this.#up = cliques.map(({ separatorCells }) => new Float64Array(separatorCells))
    this.#childMessages = children.map(list => list.map(child => this.#up[child]!))
    this.#down = cliques.map(() => undefined)
    this.#logScales = new Float64Array(cliques.length)
    this.#isDirty = new Uint8Array(cliques.length).fill(1)
    this.#likelihoods = cliques.map(() => new Map())
    this.#entries = smallestCliques(tree, cards.length)
    this.#sources = Array.from({ length: cards.length })
    this.#residuals = cliques.map(() => undefined)
    this.#isProjected = new Uint8Array(cliques.length)
  }

  /** Sets the likelihoods of a variable's states, or takes them back. */
  setLikelihood(variable: number, values: Float64Array | undefined): void {
    const clique = this.#entries[variable]!
    if (values) this.#likelihoods[clique]!.set(variable, { variable, values })
    else if (!this.#likelihoods[clique]!.delete(variable)) return
    for (let i = clique; i >= 0 && this.#isDirty[i] === 0; i = this.tree.cliques[i]!.parent) this.#isDirty[i] = 1
  }

  /**
   * Brings the messages to the roots up to date.
   *
   * @returns the natural logarithm of the mass (of the largest product, where variables leave by maxima); -Infinity for none
   */
  *collect(): Steps<number> {
    const { cliques } = this.tree
    let hasChanged = false
    for (let i = 0; i < cliques.length; i++) {
      if (this.#isDirty[i] === 0) continue
      hasChanged = true
      const up = this.#up[i]!
      this.#tables[i]!.collect([...this.#likelihoods[i]!.values()], this.#childMessages[i]!, up, this.#reductions[i]!)
      this.#logScales[i] = Math.log(normalize(up))
      this.#isDirty[i] = 0
      yield
    }
    if (hasChanged) {
      this.#residuals.fill(undefined)
      this.#isProjected.fill(0)
    }
    return this.#logScales.reduce((sum, scale) => sum + scale, 0)
  }

  /** The normalised marginal of a variable. The tree was collected, and its mass is not zero. */
  *marginal(variable: number): Steps<Float64Array> {
    this.#sources[variable] ??= cheapestSource(this.tree, variable)
    const { clique, isSeparator } = this.#sources[variable]
    yield* this.#reach(clique)
    const scope = this.tree.cliques[clique]!.scope
    const { separatorLength } = this.tree.cliques[clique]!
    const out = new Float64Array(this.#cards[variable]!)
    if (isSeparator) {
      const belief = Float64Array.from(this.#up[clique]!)
      const down = this.#down[clique]!
      for (let i = 0; i < belief.length; i++) belief[i]! *= down[i]!
      sumStrided(belief, out, planStrides(scope.slice(0, separatorLength), [variable], this.#cards))
    } else {
      this.#residuals[clique] ??= this.#tables[clique]!.residual(this.#down[clique])
      sumStrided(this.#residuals[clique], out, planStrides(scope.slice(separatorLength), [variable], this.#cards))
    }
    normalize(out)
    return out
  }

  /** The normalised joint marginal of variables that are in one clique, the last one fastest. Collected, with a mass. */
  *scopeMarginal(scope: readonly number[]): Steps<Float64Array> {
    const clique = homeOf(scope, this.tree.home)
    yield* this.#reach(clique)
    const { scope: all, separatorLength, separatorCells } = this.tree.cliques[clique]!
    const rows = placesIn(all.slice(0, separatorLength), scope, this.#cards)
    const columns = placesIn(all.slice(separatorLength), scope, this.#cards)
    const down = this.#down[clique]
    const out = new Float64Array(cellCount(scope, this.#cards))
    for (let row = 0; row < separatorCells; row++) {
      const scale = down ? down[row]! : 1
      if (scale === 0) continue
      this.#tables[clique]!.forEachCell(row, (column, value) => {
        out[rows[row]! + columns[column]!]! += scale * value
      })
    }
    normalize(out)
    return out
  }

  /** The residual of a root: the belief over its variables, unnormalised. The tree was collected. */
  rootTable(root: number): Float64Array {
    return this.#tables[root]!.residual(undefined)
  }

  /** Cells of a clique at one state of its separator, see {@link CliqueTable.forEachCell}, and the message they were reduced to. */
  forEachCell(clique: number, separatorIndex: number, visit: (residualIndex: number, value: number) => void): void {
    this.#tables[clique]!.forEachCell(separatorIndex, visit)
  }

  /** Makes the messages from the root down to a clique. */
  *#reach(clique: number): Steps<void> {
    const path: number[] = []
    for (let i = this.tree.cliques[clique]!.parent; i >= 0 && this.#isProjected[i] === 0; i = this.tree.cliques[i]!.parent) path.push(i)
    for (const parent of path.reverse()) {
      const children = this.#children[parent]!
      const into = children.map(child => (this.#down[child] ??= new Float64Array(this.#up[child]!.length)))
      this.#tables[parent]!.project(this.#down[parent], into)
      for (const [k, child] of children.entries()) divide(into[k]!, this.#up[child]!)
      this.#isProjected[parent] = 1
      yield
    }
  }
}

/** By variable: the smallest clique that has it. */
function smallestCliques({ cliques }: CliqueTree, count: number): Int32Array {
  const smallest = new Int32Array(count).fill(-1)
  for (const [i, { scope, cells }] of cliques.entries())
    for (const variable of scope) if (smallest[variable] === -1 || cells < cliques[smallest[variable]!]!.cells) smallest[variable] = i
  return smallest
}

function cheapestSource({ cliques, home }: CliqueTree, variable: number): Source {
  let best: Source = { clique: home[variable]!, isSeparator: false }
  let cells = cliques[best.clique]!.cells
  for (const [clique, { scope, separatorLength, separatorCells }] of cliques.entries()) {
    const place = scope.indexOf(variable)
    if (place < 0 || place >= separatorLength || separatorCells >= cells) continue
    best = { clique, isSeparator: true }
    cells = separatorCells
  }
  return best
}

/** Divides a message by the one it answers, scaled to a sum of 1 before; where that is zero, so is the belief. */
function divide(down: Float64Array, up: Float64Array): void {
  normalize(down)
  for (let i = 0; i < down.length; i++) down[i] = up[i] === 0 ? 0 : down[i]! / up[i]!
}
