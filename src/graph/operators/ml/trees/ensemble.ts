import { checkShape, type GraphTensor, type OperatorCall } from '../../../operator.ts'
import { createPacer } from '../../control/pacer.ts'
import { workNumbers } from '../../support/index.ts'
import { checkGraph } from '../../support/values.ts'
import { type FlatForest, type LeafVotes, looseTrees } from './flat-tree.ts'
import { float32Keys, type KeyReader, type KeySpace, type KeyWriter, rankKeys } from './keys.ts'
import type { NormalForest } from './normal-forest.ts'
import { packTrees } from './packed-tree.ts'

const AGGREGATES = ['AVERAGE', 'SUM', 'MIN', 'MAX'] as const

/** How the votes for a target become one number. */
export type Aggregate = (typeof AGGREGATES)[number]

/** The aggregate an attribute names, by name or (TreeEnsemble) by number. @throws HenceError `GRAPH_INVALID` */
export function readAggregate(call: OperatorCall): Aggregate {
  const given = call.attributes.raw('aggregate_function')
  const aggregate = given?.type === 'int' ? AGGREGATES[given.value] : AGGREGATES.find(name => name === (given?.value ?? 'SUM'))
  checkGraph(aggregate !== undefined, call, `aggregate_function ${String(given?.value)} is unknown`)
  return aggregate
}

/** Aggregated votes of some rows. */
export interface EnsembleScores {
  /** `[rows, targets]` */
  readonly scores: Float64Array<ArrayBuffer>
  /** `[rows, targets]`: 1 where there was a vote; absent when every target gets one whatever the row. */
  readonly seen?: Uint8Array | undefined
}

/** A forest ready to run: keys and trees made for one kind of input. */
interface RunnableForest {
  readonly read: KeyReader
  readonly flat: FlatForest
}

/** Rows run together: few enough for their keys to stay in the first cache beside a tree. */
const [MIN_BLOCK_ROWS, MAX_BLOCK_ROWS, BLOCK_KEYS] = [64, 512, 4096] as const

/** Walks of a row through a tree after which the event loop gets a turn. */
const WALKS_PER_TURN = 2 ** 21

/** An ensemble that takes rows of features to aggregated votes. */
export class Ensemble {
  readonly forest: NormalForest
  readonly #aggregate: Aggregate
  readonly #width: number
  readonly #isFloat32: boolean
  readonly #stride: number
  readonly #needsSeen: boolean
  #float32: RunnableForest | undefined
  #exact: RunnableForest | undefined

  constructor(forest: NormalForest, aggregate: Aggregate) {
    this.forest = forest
    this.#aggregate = aggregate
    this.#width = forest.columns.reduce((most, { feature }) => Math.max(most, feature + 1), 0)
    this.#isFloat32 = isFloat32(forest)
    this.#stride = Math.max(1, forest.columns.length)
    // Minimum and maximum need to know of votes; so does who takes the greatest of scores below zero.
    this.#needsSeen = aggregate === 'MIN' || aggregate === 'MAX' || forest.isAlwaysVoted.includes(0)
  }

  /**
   * Aggregated votes of every row, each a sum in double precision.
   *
   * @param input - `[rows, width]` in row-major order
   * @throws HenceError `SHAPE_MISMATCH` when a tree reads beyond `width` features, `ABORTED`
   */
  run(call: OperatorCall, input: GraphTensor, rows: number, width: number): EnsembleScores | Promise<EnsembleScores> {
    checkShape(width >= this.#width, call, `the trees read ${this.#width} features, the rows have ${width}`, { width })
    const { targets } = this.forest
    const { read, flat } = this.#runnable(input)
    const job: Job = {
      write: read(call, input, width),
      flat,
      scores: workNumbers(call, rows * targets),
      seen: this.#needsSeen ? new Uint8Array(rows * targets) : undefined,
    }
    const step = Math.max(MAX_BLOCK_ROWS, Math.floor(WALKS_PER_TURN / Math.max(flat.trees.length, 1)))
    if (rows > step) return this.#runInTurns(call, job, rows, step)
    if (rows === 1 && flat.walkRow) this.#runRow(job)
    else this.#runRows(job, 0, rows)
    return job
  }

  #runRow(job: Job): void {
    const { write, flat, scores, seen } = job
    const { targets } = this.forest
    const keys = new Int32Array(this.#stride)
    const leaves = new Int32Array(flat.trees.length)
    write(0, 1, keys)
    flat.walkRow!(keys, leaves)
    const add = voteAdder(this.#aggregate)
    for (let tree = 0; tree < leaves.length; tree++)
      add(flat.trees[tree]!.votes, leaves, tree, { scores, seen }, { first: 0, rows: 1, targets })
    this.#average(job, 0, 1)
  }

  async #runInTurns(call: OperatorCall, job: Job, rows: number, step: number): Promise<EnsembleScores> {
    const pace = createPacer(call.host.signal)
    for (let first = 0; first < rows; first += step) {
      await pace()
      this.#runRows(job, first, Math.min(first + step, rows))
    }
    return job
  }

  #runnable({ dtype }: GraphTensor): RunnableForest {
    // Every other type is read as float32, as ONNX Runtime does for integers.
    if (dtype !== 'f64' && this.#isFloat32) {
      this.#float32 ??= makeRunnable(this.forest, float32Keys)
      return this.#float32
    }
    this.#exact ??= makeRunnable(this.forest, rankKeys(this.forest))
    return this.#exact
  }

  #runRows(job: Job, from: number, to: number): void {
    const { write, flat, scores, seen } = job
    const { targets } = this.forest
    const stride = this.#stride
    const most = Math.min(to - from, Math.min(Math.max(Math.floor(BLOCK_KEYS / stride), MIN_BLOCK_ROWS), MAX_BLOCK_ROWS))
    const keys = new Int32Array(most * stride)
    const leaves = new Int32Array(most)
    const add = voteAdder(this.#aggregate)
    for (let first = from; first < to; first += most) {
      const rows = Math.min(most, to - first)
      write(first, rows, keys)
      for (const tree of flat.trees) {
        tree.walk(keys, stride, rows, leaves)
        if (tree.votes.singles && !seen) addSingles(tree.votes.singles, leaves, scores, first, rows)
        else add(tree.votes, leaves, 0, { scores, seen }, { first, rows, targets })
      }
    }
    this.#average(job, from, to)
  }

  #average({ scores, flat }: Job, from: number, to: number): void {
    const { targets } = this.forest
    if (this.#aggregate === 'AVERAGE') for (let at = from * targets; at < to * targets; at++) scores[at]! /= flat.trees.length
  }
}

interface Job extends EnsembleScores {
  readonly write: KeyWriter
  readonly flat: FlatForest
}

function makeRunnable(forest: NormalForest, space: KeySpace): RunnableForest {
  return { read: space.reader(forest.columns), flat: packTrees(forest, space) ?? looseTrees(forest, space) }
}

/** True when all a forest compares with are float32 numbers. */
export function isFloat32({ nodes }: NormalForest): boolean {
  const fits = (value: number): boolean => Number.isNaN(value) || Math.fround(value) === value
  return nodes.thresholds.every(fits) && [...nodes.members.values()].every(own => own.every(fits))
}

/** Sums of a forest of one target whose leaves have one vote each. */
function addSingles(values: Float64Array, leaves: Int32Array, scores: Float64Array, first: number, rows: number): void {
  for (let row = 0; row < rows; row++) scores[first + row]! += values[leaves[row]!]!
}

interface Span {
  readonly first: number
  readonly rows: number
  readonly targets: number
}

/** Adds the votes of the leaves from `at` on, one a row. */
type VoteAdder = (votes: LeafVotes, leaves: Int32Array, at: number, into: EnsembleScores, span: Span) => void

function voteAdder(aggregate: Aggregate): VoteAdder {
  if (aggregate === 'MIN') return keepLeast
  if (aggregate === 'MAX') return keepGreatest
  return addVotes
}

const addVotes: VoteAdder = ({ starts, targets: ids, weights }, leaves, at, { scores, seen }, { first, rows, targets }) => {
  for (let row = 0; row < rows; row++) {
    const leaf = leaves[at + row]!
    const base = (first + row) * targets
    const end = starts[leaf + 1]!
    for (let vote = starts[leaf]!; vote < end; vote++) scores[base + ids[vote]!]! += weights[vote]!
    if (seen) for (let vote = starts[leaf]!; vote < end; vote++) seen[base + ids[vote]!] = 1
  }
}

const keepLeast: VoteAdder = (votes, leaves, at, into, span) => keepExtremes(votes, leaves, at, into, span, -1)

const keepGreatest: VoteAdder = (votes, leaves, at, into, span) => keepExtremes(votes, leaves, at, into, span, 1)

/** Keeps the greatest vote for each target, or with `sign` -1 the least. */
function keepExtremes(...[votes, leaves, at, { scores, seen }, span, sign]: [...Parameters<VoteAdder>, sign: 1 | -1]): void {
  const { starts, targets: ids, weights } = votes
  const { first, rows, targets } = span
  for (let row = 0; row < rows; row++) {
    const leaf = leaves[at + row]!
    for (let vote = starts[leaf]!; vote < starts[leaf + 1]!; vote++) {
      const target = (first + row) * targets + ids[vote]!
      const weight = weights[vote]!
      if (seen![target] === 0 || sign * weight > sign * scores[target]!) scores[target] = weight
      seen![target] = 1
    }
  }
}
