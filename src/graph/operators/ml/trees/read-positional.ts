import type { OperatorCall } from '../../../operator.ts'
import { numbersOf } from '../../support/index.ts'
import { checkGraph } from '../../support/values.ts'
import { groupVotes, MODE, MODES, type TreeNodes } from './tree-nodes.ts'

/**
 * Reads the trees of TreeEnsemble, whose inner nodes and leaves are two lists that name each other by position. Leaves are
 * numbered after the inner nodes.
 *
 * @throws HenceError `GRAPH_INVALID` for lists of different lengths and positions outside them
 */
export function readPositionalTrees(call: OperatorCall): { readonly nodes: TreeNodes; readonly targets: number } {
  const { attributes } = call
  const features = attributes.ints('nodes_featureids')
  const inner = features.length
  const ids = attributes.ints('leaf_targetids')
  const leaves = ids.length
  const targets = attributes.int('n_targets', 1 + ids.reduce((most, id) => Math.max(most, id), 0))
  for (const id of ids) checkGraph(id >= 0 && id < targets, call, `leaf_targetids names ${id} of ${targets}`, { id, targets })
  const ofLength = <T extends { readonly length: number }>(name: string, values: T, length: number): T => {
    checkGraph(values.length === length, call, `${name} has ${values.length} entries for ${length}`, { name })
    return values
  }
  const tensor = (name: string, length: number): Float64Array => ofLength(name, numbersOf(call, attributes.tensor(name)), length)
  const weights = tensor('leaf_weights', leaves)
  const total = inner + leaves
  const modes = new Uint8Array(total).fill(MODE.leaf)
  for (const [node, mode] of tensor('nodes_modes', inner).entries()) {
    checkGraph(mode >= 0 && mode < MODES.length, call, `nodes_modes has the unknown mode ${mode}`, { mode })
    modes[node] = mode
  }
  const children = (side: 'true' | 'false'): Int32Array => {
    const list = ofLength(`nodes_${side}nodeids`, attributes.ints(`nodes_${side}nodeids`), inner)
    const isLeaf = ofLength(`nodes_${side}leafs`, attributes.ints(`nodes_${side}leafs`), inner)
    const result = new Int32Array(total).fill(-1)
    for (let node = 0; node < inner; node++) {
      const child = list[node]!
      const [first, count] = isLeaf[node] ? [inner, leaves] : [0, inner]
      checkGraph(child >= 0 && child < count, call, `nodes_${side}nodeids leads node ${node} to ${child} of ${count}`, { node, child })
      result[node] = first + child
    }
    return result
  }
  const roots = attributes.ints('tree_roots')
  for (const root of roots) checkGraph(root >= 0 && root < inner, call, `tree_roots names node ${root} of ${inner}`, { root })
  const missing = attributes.ints('nodes_missing_value_tracks_true', [])
  if (missing.length > 0) ofLength('nodes_missing_value_tracks_true', missing, inner)
  const leafNodes = Int32Array.from(ids, (_, leaf) => inner + leaf)
  const nodes: TreeNodes = {
    roots,
    modes,
    features: padded(Int32Array.from(features), total),
    thresholds: padded(tensor('nodes_splits', inner), total),
    trueChildren: children('true'),
    falseChildren: children('false'),
    missingTrue: Uint8Array.from(modes, (_, node) => (missing[node] === 1 ? 1 : 0)),
    members: readMembers(call, modes),
    ...groupVotes(total, leafNodes, ids, weights),
  }
  return { nodes, targets }
}

function padded<T extends Int32Array | Float64Array>(values: T, length: number): T {
  const result = (values instanceof Int32Array ? new Int32Array(length) : new Float64Array(length)) as T
  result.set(values)
  return result
}

/** Values of the membership nodes, in the order of the nodes, each list ended by a NaN. */
function readMembers(call: OperatorCall, modes: Uint8Array): Map<number, readonly number[]> {
  const members = new Map<number, readonly number[]>()
  const owners = [...modes.keys()].filter(node => modes[node] === MODE.member)
  const values = call.attributes.has('membership_values') ? numbersOf(call, call.attributes.tensor('membership_values')) : []
  let own: number[] = []
  for (const value of values) {
    if (!Number.isNaN(value)) own.push(value)
    else {
      checkGraph(members.size < owners.length, call, `membership_values has more lists than the ${owners.length} membership nodes`)
      members.set(owners[members.size]!, own)
      own = []
    }
  }
  // The last list may go without its end.
  if (own.length > 0 && members.size < owners.length) members.set(owners[members.size]!, own)
  checkGraph(members.size === owners.length, call, `membership_values has ${members.size} lists for ${owners.length} membership nodes`)
  return members
}
