import type { OperatorCall } from '../../../operator.ts'
import { checkGraph } from '../../support/values.ts'
import { MODE, type TreeNodes } from './tree-nodes.ts'

/** What a normal node asks of a value; yes leads left. */
export const TEST = { leq: 0, eq: 1, member: 2, leaf: 3 } as const

/** A feature as nodes read it: missing values compare as less than everything (left) or as greater (right). */
export interface Column {
  readonly feature: number
  readonly missingLeft: boolean
}

/**
 * An ensemble whose nodes only ask `x <= t`, `x == t` or membership: the other comparisons are these with branches swapped,
 * or with the next lower threshold. Proven to be trees: every inner node has one parent or is a root.
 */
export interface NormalForest {
  readonly nodes: TreeNodes
  readonly tests: Uint8Array
  readonly columns: readonly Column[]
  /** Column each node reads. */
  readonly columnOf: Int32Array
  readonly left: Int32Array
  readonly right: Int32Array
  /** 1: the node asks `x < t`. */
  readonly strict: Uint8Array
  /** 1: no value that is present leads left. */
  readonly never: Uint8Array
  readonly targets: number
  /** 1 for a target that gets votes from some tree whatever its input. */
  readonly isAlwaysVoted: Uint8Array
}

/** @throws HenceError `GRAPH_INVALID` for cycles, nodes with several parents and negative features */
export function normalizeForest(call: OperatorCall, nodes: TreeNodes, targets: number): NormalForest {
  const count = nodes.modes.length
  const forest = {
    nodes,
    tests: new Uint8Array(count).fill(TEST.leaf),
    columns: [] as Column[],
    columnOf: new Int32Array(count),
    left: new Int32Array(count),
    right: new Int32Array(count),
    strict: new Uint8Array(count),
    never: new Uint8Array(count),
    targets,
    isAlwaysVoted: new Uint8Array(targets),
  }
  const columnIds = new Map<number, number>()
  const isVisited = new Uint8Array(count)
  const leafVotes = new Int32Array(targets)
  for (const root of nodes.roots) {
    let leaves = 0
    leafVotes.fill(0)
    const stack = [root]
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (nodes.modes[node] === MODE.leaf) {
        leaves++
        countVotes(nodes, node, leafVotes)
        continue
      }
      checkGraph(isVisited[node] === 0, call, `node ${node} of the ensemble is reached twice: it is in a cycle or has two parents`, {
        index: node,
      })
      isVisited[node] = 1
      const feature = nodes.features[node]!
      checkGraph(feature >= 0, call, `node ${node} of the ensemble reads the feature ${feature}`, { index: node, feature })
      const missingLeft = normalizeNode(forest, node)
      const key = feature * 2 + Number(missingLeft)
      let column = columnIds.get(key)
      if (column === undefined) {
        column = forest.columns.push({ feature, missingLeft }) - 1
        columnIds.set(key, column)
      }
      forest.columnOf[node] = column
      stack.push(nodes.trueChildren[node]!, nodes.falseChildren[node]!)
    }
    for (let target = 0; target < targets; target++) if (leafVotes[target] === leaves) forest.isAlwaysVoted[target] = 1
  }
  return forest
}

function countVotes({ voteStarts, voteTargets }: TreeNodes, node: number, leafVotes: Int32Array): void {
  const start = voteStarts[node]!
  for (let vote = start; vote < voteStarts[node + 1]!; vote++) {
    const target = voteTargets[vote]!
    if (voteTargets.indexOf(target, start) === vote) leafVotes[target]!++
  }
}

type Draft = Pick<NormalForest, 'nodes' | 'tests' | 'left' | 'right' | 'strict' | 'never'>

/** Writes the normal form of an inner node and says whether missing values go left there. */
function normalizeNode({ nodes, tests, left, right, strict, never }: Draft, node: number): boolean {
  const mode = nodes.modes[node]!
  const [yes, no] = [nodes.trueChildren[node]!, nodes.falseChildren[node]!]
  const missingTrue = nodes.missingTrue[node] === 1
  const isUnordered = mode !== MODE.member && Number.isNaN(nodes.thresholds[node])
  // `x >= t` is "not x < t", `x > t` "not x <= t", `x != t` "not x == t", which is also true of a missing x.
  const isSwapped = mode === MODE.neq || (!isUnordered && (mode === MODE.gte || mode === MODE.gt))
  left[node] = isSwapped ? no : yes
  right[node] = isSwapped ? yes : no
  strict[node] = mode === MODE.lt || mode === MODE.gte ? 1 : 0
  never[node] = isUnordered ? 1 : 0
  const isEquality = mode === MODE.eq || mode === MODE.neq
  tests[node] = isUnordered ? TEST.leq : mode === MODE.member ? TEST.member : isEquality ? TEST.eq : TEST.leq
  if (mode === MODE.neq) return false
  return missingTrue !== isSwapped
}
