import { isMissingLeft, type KeySpace, NEVER } from './keys.ts'
import { type NormalForest, TEST } from './normal-forest.ts'

/** Votes of the leaves of a tree, by the numbers its walk gives them. */
export interface LeafVotes {
  readonly starts: Int32Array
  readonly targets: Int32Array
  readonly weights: Float64Array
  /** Weight by leaf, for a forest of one target, whose leaves have a vote each. */
  readonly singles?: Float64Array | undefined
}

/** Trees made ready to walk. */
export interface FlatForest {
  readonly trees: readonly FlatTree[]
  /** Finds the leaves of one row in all trees at once, for the trees where that is faster than one after the other. */
  walkRow?(keys: Int32Array, leaves: Int32Array): void
}

/** A tree made ready to walk. */
export interface FlatTree {
  readonly votes: LeafVotes
  /**
   * Finds the leaf of every row.
   *
   * @param keys - `[rows, stride]`, `stride` columns of the forest
   * @param leaves - receives a leaf number for each row
   */
  walk(keys: Int32Array, stride: number, rows: number, leaves: Int32Array): void
}

/** What a node compares with, in a key space. */
export function nodeKey(forest: NormalForest, space: KeySpace, node: number): number {
  if (forest.never[node] === 1) return NEVER
  const { feature } = forest.columns[forest.columnOf[node]!]!
  return space.thresholdKey(feature, forest.nodes.thresholds[node]!) - forest.strict[node]!
}

/** Trees with any test at their nodes, walked a row at a time. Leaf numbers are those of the file's nodes. */
export function looseTrees(forest: NormalForest, space: KeySpace): FlatForest {
  const { nodes, tests, columns, columnOf, left, right } = forest
  const count = tests.length
  const keysOfNodes = new Int32Array(count)
  const members = new Map<number, ReadonlySet<number>>()
  for (let node = 0; node < count; node++) {
    if (tests[node] === TEST.leaf) continue
    const { feature } = columns[columnOf[node]!]!
    if (tests[node] !== TEST.member) keysOfNodes[node] = nodeKey(forest, space, node)
    else members.set(node, new Set(nodes.members.get(node)!.map(value => space.thresholdKey(feature, value))))
  }
  const goesLeft = (node: number, key: number): boolean => {
    if (tests[node] === TEST.leq) return key <= keysOfNodes[node]!
    if (isMissingLeft(key)) return true
    return tests[node] === TEST.eq ? key === keysOfNodes[node] : members.get(node)!.has(key)
  }
  const votes = { starts: nodes.voteStarts, targets: nodes.voteTargets, weights: nodes.voteWeights }
  const trees = nodes.roots.map(
    (root): FlatTree => ({
      votes,
      walk: (keys, stride, rows, leaves) => {
        for (let row = 0, start = 0; row < rows; row++, start += stride) {
          let node = root
          while (tests[node] !== TEST.leaf) node = goesLeft(node, keys[start + columnOf[node]!]!) ? left[node]! : right[node]!
          leaves[row] = node
        }
      },
    }),
  )
  return { trees }
}
