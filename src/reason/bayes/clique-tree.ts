import type { Elimination } from './elimination-order.ts'
import { cellCount } from './factor.ts'

/** A clique of a {@link CliqueTree}. */
export interface Clique {
  /**
   * Its variables, those eliminated last first. The separator to the parent is therefore a prefix, and all cells that share a
   * state of the separator lie side by side.
   */
  readonly scope: readonly number[]
  /** How many variables at the front form the separator. */
  readonly separatorLength: number
  /** The clique that takes its message, -1 for a root. Always of a higher number. */
  readonly parent: number
  /** Cells of the whole table, and of the separator. */
  readonly cells: number
  readonly separatorCells: number
}

/** Cliques joined so that every variable's cliques hang together; a forest where the network has several parts. */
export interface CliqueTree {
  readonly cliques: readonly Clique[]
  /** By variable: the clique it is eliminated in, the one nearest to the root that has it. */
  readonly home: Int32Array
  /** The sum of the cells of all cliques: what one pass costs. */
  readonly cells: number
  /** The cells of the largest clique. */
  readonly largest: number
  /** Variables of the largest clique, less one. */
  readonly width: number
}

/**
 * Cliques of an elimination, those contained in others left out.
 *
 * Source: Koller & Friedman, "Probabilistic Graphical Models" (2009), section 10.4.
 *
 * @param stages - as for the order: a clique never joins variables of two stages
 */
export function buildCliqueTree({ order, fronts }: Elimination, cards: ArrayLike<number>, stages?: ArrayLike<number>): CliqueTree {
  const count = order.length
  const position = new Int32Array(count)
  for (let i = 0; i < count; i++) position[order[i]!] = i
  const parents = Int32Array.from(fronts, front => front.reduce((first, u) => Math.min(first, position[u]!), count))
  // A step's clique lies in that of an earlier step just before it, when it has one variable less. It then joins that clique.
  const joined = new Int32Array(count).fill(-1)
  for (let i = 0; i < count; i++) {
    const parent = parents[i]!
    if (parent === count || joined[parent] !== -1 || fronts[i]!.length !== fronts[parent]!.length + 1) continue
    if (stages && stages[order[i]!] !== stages[order[parent]!]) continue
    joined[parent] = i
  }
  // Cliques are numbered by their last step, so that parents have higher numbers.
  const cliqueOf = new Int32Array(count).fill(-1)
  const lasts: number[] = []
  const takenBy = new Int32Array(count).fill(-1)
  for (let i = 0; i < count; i++) if (joined[i]! >= 0) takenBy[joined[i]!] = i
  for (let i = 0; i < count; i++) {
    if (takenBy[i]! >= 0) continue
    for (let step = i; step >= 0; step = joined[step]!) cliqueOf[step] = lasts.length
    lasts.push(i)
  }
  const firsts = new Int32Array(lasts.length).fill(-1)
  for (let i = count - 1; i >= 0; i--) firsts[cliqueOf[i]!] = i
  const cliques = lasts.map((last, number): Clique => {
    const first = firsts[number]!
    const scope = [order[first]!, ...fronts[first]!].sort((a, b) => position[b]! - position[a]!)
    const separatorLength = fronts[last]!.length
    return {
      scope,
      separatorLength,
      parent: parents[last] === count ? -1 : cliqueOf[parents[last]!]!,
      cells: cellCount(scope, cards),
      separatorCells: cellCount(scope.slice(0, separatorLength), cards),
    }
  })
  const home = new Int32Array(count)
  for (let i = 0; i < count; i++) home[order[i]!] = cliqueOf[i]!
  return {
    cliques,
    home,
    cells: cliques.reduce((sum, { cells }) => sum + cells, 0),
    largest: cliques.reduce((most, { cells }) => Math.max(most, cells), 0),
    width: cliques.reduce((most, { scope }) => Math.max(most, scope.length - 1), 0),
  }
}
