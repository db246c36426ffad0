import { Rng } from '../../core/index.ts'
import { IndexedHeap } from './indexed-heap.ts'
import { tooLarge } from './too-large.ts'

/** An undirected graph over variables with the number of states of each. */
export interface InteractionGraph {
  readonly cards: ArrayLike<number>
  /** Neighbours of each variable, without itself and without doubles. */
  readonly neighbours: readonly (readonly number[])[]
}

/** Variables in the order they are eliminated, and what each met. */
export interface Elimination {
  readonly order: readonly number[]
  /** By place in the order: the neighbours the variable had when it was eliminated. */
  readonly fronts: readonly (readonly number[])[]
  /** Sum of the cells of every table made on the way. */
  readonly cells: number
}

/** How the next variable is chosen; no one of them is best for every network. */
export type OrderHeuristic = 'min-fill' | 'weighted-min-fill' | 'min-weight' | 'min-neighbours'

/** What an order is held to. */
export interface OrderOptions {
  /** Variables of a later stage are eliminated after all of earlier ones; all are of stage 0 by default. */
  readonly stages?: ArrayLike<number> | undefined
  /** Breaks ties at random instead of by number. */
  readonly rng?: Rng | undefined
  /** Gives up when the cells exceed this. */
  readonly bound?: number | undefined
}

/**
 * Eliminates all variables greedily.
 *
 * @returns undefined when the bound was passed
 */
export function eliminateGreedily(graph: InteractionGraph, heuristic: OrderHeuristic, options: OrderOptions = {}): Elimination | undefined {
  return new GreedyElimination(graph, heuristic, options).run()
}

const SEED = 7
const HEURISTICS: readonly OrderHeuristic[] = ['min-fill', 'weighted-min-fill', 'min-weight', 'min-neighbours']

/** How long to look for a good order. */
export interface OrderSearch extends Pick<OrderOptions, 'stages'> {
  /** An order with so few cells is taken at once. */
  readonly goodCells: number
}

/** Orders with random ties that are tried at most. */
const MAX_RESTARTS = 8
/** A restart costs about as much as computing with this many cells for each variable. */
const CELLS_PER_RESTART = 400

/** Beyond this nothing helps, and graphs this dense take long to eliminate even without tables. */
const HOPELESS_CELLS = 1e18

/**
 * The order with the fewest cells among several greedy ones; the same for the same graph.
 *
 * @throws HenceError `INFERENCE_TOO_LARGE` beyond 10^18 cells
 */
export function searchOrder(graph: InteractionGraph, { stages, goodCells }: OrderSearch): Elimination {
  const first = eliminateGreedily(graph, 'min-weight', { stages, bound: HOPELESS_CELLS })
  if (!first) throw tooLarge(HOPELESS_CELLS, undefined)
  let best = first
  const improve = (heuristic: OrderHeuristic, rng?: Rng): void => {
    const found = eliminateGreedily(graph, heuristic, { stages, rng, bound: best.cells })
    if (found && found.cells < best.cells) best = found
  }
  for (const heuristic of HEURISTICS) if (heuristic !== 'min-weight' && best.cells > goodCells) improve(heuristic)
  const rng = new Rng(SEED)
  const costPerRestart = CELLS_PER_RESTART * graph.neighbours.length
  for (let i = 0; i < MAX_RESTARTS && best.cells > Math.max(goodCells, (i + 1) * costPerRestart); i++)
    improve(HEURISTICS[i % HEURISTICS.length]!, rng)
  return best
}

class GreedyElimination {
  readonly #cards: ArrayLike<number>
  readonly #neighbours: number[][]
  readonly #heuristic: OrderHeuristic
  readonly #options: OrderOptions
  readonly #marks: Int32Array
  #mark = 0

  constructor({ cards, neighbours }: InteractionGraph, heuristic: OrderHeuristic, options: OrderOptions) {
    this.#cards = cards
    this.#neighbours = neighbours.map(list => [...list])
    this.#heuristic = heuristic
    this.#options = options
    this.#marks = new Int32Array(neighbours.length)
  }

  run(): Elimination | undefined {
    const count = this.#neighbours.length
    const { stages, bound = Number.POSITIVE_INFINITY } = this.#options
    const lastStage = stages ? Array.from({ length: count }, (_, v) => stages[v]!).reduce((a, b) => Math.max(a, b), 0) : 0
    const order: number[] = []
    const fronts: number[][] = []
    let cells = 0
    for (let stage = 0; stage <= lastStage; stage++) {
      const heap = new IndexedHeap(count)
      for (let v = 0; v < count; v++) if ((stages?.[v] ?? 0) === stage) heap.set(v, this.#score(v))
      for (let v = heap.pop(); v >= 0; v = heap.pop()) {
        const front = this.#neighbours[v]!
        cells += this.#weight(v)
        if (cells > bound) return undefined
        order.push(v)
        fronts.push(front)
        this.#eliminate(v, front, heap)
      }
    }
    return { order, fronts, cells }
  }

  /** Joins the neighbours of a variable to each other and takes it out. */
  #eliminate(v: number, front: readonly number[], heap: IndexedHeap): void {
    let hasFilled = false
    for (const u of front) {
      const list = this.#neighbours[u]!
      const mark = ++this.#mark
      this.#marks[u] = mark
      let at = -1
      for (let i = 0; i < list.length; i++) {
        this.#marks[list[i]!] = mark
        if (list[i] === v) at = i
      }
      list[at] = list.at(-1)!
      list.pop()
      for (const w of front) {
        if (this.#marks[w] === mark) continue
        list.push(w)
        hasFilled = true
      }
    }
    // Filling edges changes how much is missing around the neighbours' neighbours too.
    const isFill = this.#heuristic === 'min-fill' || this.#heuristic === 'weighted-min-fill'
    const changed = isFill && hasFilled ? new Set([...front, ...front.flatMap(u => this.#neighbours[u]!)]) : front
    for (const u of changed) if (heap.has(u)) heap.set(u, this.#score(u))
  }

  #score(v: number): number {
    const { rng } = this.#options
    const tie = rng ? rng.uniform() * 0.5 : 0
    switch (this.#heuristic) {
      case 'min-fill':
        return this.#fill(v, false) + tie
      case 'weighted-min-fill':
        return this.#fill(v, true) + tie
      case 'min-neighbours':
        return this.#neighbours[v]!.length + tie
      case 'min-weight':
        return Math.log2(this.#weight(v)) + tie * 1e-3
    }
  }

  #weight(v: number): number {
    let weight = this.#cards[v]!
    for (const u of this.#neighbours[v]!) weight *= this.#cards[u]!
    return weight
  }

  /** Edges missing among the neighbours, each counted once or by the product of the states at its ends. */
  #fill(v: number, isWeighted: boolean): number {
    const front = this.#neighbours[v]!
    let fill = 0
    for (let i = 0; i + 1 < front.length; i++) {
      const u = front[i]!
      const mark = ++this.#mark
      for (const w of this.#neighbours[u]!) this.#marks[w] = mark
      let missing = 0
      for (let j = i + 1; j < front.length; j++) {
        const w = front[j]!
        if (this.#marks[w] !== mark) missing += isWeighted ? this.#cards[w]! : 1
      }
      fill += isWeighted ? missing * this.#cards[u]! : missing
    }
    return fill
  }
}
