import type { JunctionTree } from './junction-tree.ts'
import type { Steps } from './steps.ts'

/** An assignment of states to the variables that leave a tree by maxima. */
export interface Assignment {
  /** By variable of the tree; -1 for those that are summed out. */
  readonly states: Int32Array
  /** Logarithm of the product of all factors, the others summed out. */
  readonly logValue: number
}

/** Cliques from the root down to `clique` have states; those before `clique` are chosen by `previous`. */
interface Candidate {
  readonly logValue: number
  readonly previous: Candidate | undefined
  readonly clique: number
  readonly residual: number
}

/**
 * The best assignments in order, by best-first search from the roots to the leaves of a collected tree. The messages say exactly
 * how good the best completion of every start is, so that nothing is visited in vain.
 *
 * @param isMaximised - by clique
 * @param count - how many, at most
 */
export function* findBestAssignments(
  tree: JunctionTree,
  cards: ArrayLike<number>,
  isMaximised: readonly boolean[],
  count: number,
  logBest: number,
): Steps<Assignment[]> {
  const { cliques } = tree.tree
  const order = cliques.map((_, i) => i).filter(i => isMaximised[i])
  order.reverse()
  const found: Assignment[] = []
  const open = new CandidateQueue()
  if (logBest > Number.NEGATIVE_INFINITY) open.push({ logValue: logBest, previous: undefined, clique: -1, residual: 0 }, 0)
  for (let next = open.pop(); next && found.length < count; next = open.pop()) {
    const { candidate, depth } = next
    const states = new Int32Array(cards.length).fill(-1)
    for (let at: Candidate | undefined = candidate; at && at.clique >= 0; at = at.previous) {
      const { scope, separatorLength } = cliques[at.clique]!
      let rest = at.residual
      for (let i = scope.length - 1; i >= separatorLength; i--) {
        const card = cards[scope[i]!]!
        states[scope[i]!] = rest % card
        rest = Math.floor(rest / card)
      }
    }
    const clique = order[depth]
    if (clique === undefined) {
      found.push({ states, logValue: candidate.logValue })
      continue
    }
    const { scope, separatorLength } = cliques[clique]!
    let separator = 0
    for (let i = 0; i < separatorLength; i++) separator = separator * cards[scope[i]!]! + states[scope[i]!]!
    for (const { residual, logRatio } of bestCells(tree, clique, separator, count - found.length))
      open.push({ logValue: candidate.logValue + logRatio, previous: candidate, clique, residual }, depth + 1)
    yield
  }
  return found
}

/** The best cells at a state of a separator, with the logarithm of their ratio to the best one. */
function bestCells(tree: JunctionTree, clique: number, separator: number, count: number): { residual: number; logRatio: number }[] {
  const cells: { residual: number; value: number }[] = []
  tree.forEachCell(clique, separator, (residual, value) => {
    const last = cells.at(-1)
    if (cells.length === count && last && value <= last.value) return
    let at = cells.length
    while (at > 0 && cells[at - 1]!.value < value) at--
    cells.splice(at, 0, { residual, value })
    if (cells.length > count) cells.pop()
  })
  return cells.map(({ residual, value }) => ({ residual, logRatio: Math.log(value / cells[0]!.value) }))
}

/** The best candidate first, among equals the deepest. */
class CandidateQueue {
  readonly #heap: { readonly candidate: Candidate; readonly depth: number }[] = []

  push(candidate: Candidate, depth: number): void {
    const heap = this.#heap
    const entry = { candidate, depth }
    let place = heap.length
    heap.push(entry)
    while (place > 0) {
      const above = (place - 1) >> 1
      if (!isBefore(entry, heap[above]!)) break
      heap[place] = heap[above]!
      place = above
    }
    heap[place] = entry
  }

  pop(): { readonly candidate: Candidate; readonly depth: number } | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return top
    let place = 0
    for (;;) {
      let below = 2 * place + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++
      if (!isBefore(heap[below]!, last)) break
      heap[place] = heap[below]!
      place = below
    }
    heap[place] = last
    return top
  }
}

function isBefore(
  a: { readonly candidate: Candidate; readonly depth: number },
  b: { readonly candidate: Candidate; readonly depth: number },
): boolean {
  const difference = a.candidate.logValue - b.candidate.logValue
  return difference > 0 || (difference === 0 && a.depth > b.depth)
}
