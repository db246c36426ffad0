import type { CliqueTable } from './clique-table.ts'
import type { CliqueTree } from './clique-tree.ts'
import { DenseClique, Scratch } from './dense-clique.ts'
import type { Factor } from './factor.ts'
import { SparseClique } from './sparse-clique.ts'
import { expectedShare, findSupport, restrictSupport, type Support, type SupportParts } from './support.ts'
import { tooLarge } from './too-large.ts'

/** Cliques below this are never compressed: their tables cost nothing. */
const SMALL_CELLS = 2048
/** A cell that knows its places in other tables costs some three times as much as one that is counted through. */
const SPARSE_SHARE = 0.3
/** Where constraints that were independent would leave more than this, looking for zeros is not worth it. */
const WORTHWHILE_SHARE = 0.5
/** Nor is it where they would leave so many times the room there is. */
const HOPELESS = 8
/** More cannot be one array of doubles everywhere, whatever the caller allows. */
const MAX_TABLE_CELLS = 2 ** 31

/**
 * Makes the tables of a tree: those of cliques whose potentials leave few cells other than zero are compressed.
 *
 * Source: Jensen & Andersen, "Approximations in Bayesian belief universes for knowledge-based systems" (1990), on zero
 * compression; here the zeros are found before any table is made.
 *
 * @param children - of each clique
 * @param maxCells - all tables together
 * @throws HenceError `INFERENCE_TOO_LARGE`
 */
export function makeCliqueTables(
  { cliques, home, cells: whole }: CliqueTree,
  children: readonly (readonly number[])[],
  cards: ArrayLike<number>,
  factors: readonly Factor[],
  maxCells: number,
): CliqueTable[] {
  const assigned: Factor[][] = cliques.map(() => [])
  for (const factor of factors) assigned[homeOf(factor.scope, home)]!.push(factor)
  const separators = cliques.map(({ scope, separatorLength }) => scope.slice(0, separatorLength))
  const separatorSupports: (Uint8Array | undefined)[] = cliques.map(() => undefined)
  let used = 0
  const supports = cliques.map(({ scope, separatorLength, separatorCells, cells, parent }, i): Support | undefined => {
    const room = Math.min(maxCells, MAX_TABLE_CELLS) - used
    used += cells
    const own = assigned[i]!
    const below = children[i]!.map(child => ({ scope: separators[child]!, support: separatorSupports[child] }))
    const support = cells < SMALL_CELLS || separatorCells > room ? undefined : compress(own, below)
    if (support) used += support.values.length - cells
    if (used > Math.min(maxCells, MAX_TABLE_CELLS)) throw tooLarge(whole, maxCells)
    if (support && parent >= 0) separatorSupports[i] = rowSupport(support)
    return support

    function compress(factors: readonly Factor[], below: SupportParts['children']): Support | undefined {
      const share = expectedShare(
        factors,
        below.map(child => child.support),
      )
      if (share > WORTHWHILE_SHARE || share * cells > HOPELESS * room) return undefined
      return findSupport({ scope, separatorLength, cards, factors, children: below }, Math.min(cells * SPARSE_SHARE, room))
    }
  })
  for (let i = cliques.length - 1; i >= 0; i--) {
    const support = supports[i]
    if (!support) continue
    for (const [k, child] of children[i]!.entries()) {
      const below = supports[child]
      if (below) supports[child] = restrictSupport(below, placesSupport(support.children[k]!, cliques[child]!.separatorCells))
    }
  }
  const scratch = new Scratch()
  return cliques.map(({ scope, separatorLength }, i) => {
    const support = supports[i]
    if (support) return new SparseClique({ scope, separatorLength, cards, support })
    const childScopes = children[i]!.map(child => separators[child]!)
    return new DenseClique({ scope, separatorLength, cards, factors: assigned[i]!, childScopes }, scratch)
  })
}

/** The clique that has all of a factor's variables: where the first of them is eliminated. */
export function homeOf(scope: readonly number[], home: Int32Array): number {
  return scope.reduce((lowest, variable) => Math.min(lowest, home[variable]!), home[scope[0]!]!)
}

function rowSupport({ rowStarts }: Support): Uint8Array | undefined {
  const out = new Uint8Array(rowStarts.length - 1)
  for (let row = 0; row < out.length; row++) out[row] = rowStarts[row + 1]! > rowStarts[row]! ? 1 : 0
  return out.includes(0) ? out : undefined
}

function placesSupport(places: Int32Array, cells: number): Uint8Array {
  const out = new Uint8Array(cells)
  for (let k = 0; k < places.length; k++) out[places[k]!] = 1
  return out
}
