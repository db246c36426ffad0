/** Comparisons at nodes, by their number in TreeEnsemble; true leads to the true branch. */
export const MODES = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ', 'BRANCH_MEMBER'] as const

/** Number of each mode, and of leaves. */
export const MODE = { leq: 0, lt: 1, gte: 2, gt: 3, eq: 4, neq: 5, member: 6, leaf: 7 } as const

/**
 * The trees of an ensemble as their file describes them: nodes by number, leaves among them. Children are within range;
 * nothing else is checked yet.
 */
export interface TreeNodes {
  readonly roots: readonly number[]
  readonly modes: Uint8Array
  readonly features: Int32Array
  readonly thresholds: Float64Array
  readonly trueChildren: Int32Array
  readonly falseChildren: Int32Array
  /** 1 where a missing value (NaN) takes the true branch. */
  readonly missingTrue: Uint8Array
  /** Values of each membership node. */
  readonly members: ReadonlyMap<number, readonly number[]>
  /** Votes of node `n` are those from `voteStarts[n]` to `voteStarts[n + 1]`. */
  readonly voteStarts: Int32Array
  readonly voteTargets: Int32Array
  readonly voteWeights: Float64Array
}

/** Votes in the order of their nodes. */
export function groupVotes(
  nodeCount: number,
  nodes: ArrayLike<number>,
  targets: ArrayLike<number>,
  weights: ArrayLike<number>,
): Pick<TreeNodes, 'voteStarts' | 'voteTargets' | 'voteWeights'> {
  const count = nodes.length
  const voteStarts = new Int32Array(nodeCount + 1)
  for (let vote = 0; vote < count; vote++) voteStarts[nodes[vote]! + 1]!++
  for (let node = 0; node < nodeCount; node++) voteStarts[node + 1]! += voteStarts[node]!
  const ends = voteStarts.slice()
  const voteTargets = new Int32Array(count)
  const voteWeights = new Float64Array(count)
  for (let vote = 0; vote < count; vote++) {
    const at = ends[nodes[vote]!]!++
    voteTargets[at] = targets[vote]!
    voteWeights[at] = weights[vote]!
  }
  return { voteStarts, voteTargets, voteWeights }
}
