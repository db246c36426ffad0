import type { OperatorCall } from '../../../operator.ts'
import { numbersOf } from '../../support/index.ts'
import { checkGraph } from '../../support/values.ts'
import { groupVotes, MODE, MODES, type TreeNodes } from './tree-nodes.ts'

/** Floats from an attribute, or from its double-precision twin. Empty without either. */
export function floatsOf(call: OperatorCall, name: string): ArrayLike<number> {
  const { attributes } = call
  const twin = `${name}_as_tensor`
  return attributes.has(twin) ? numbersOf(call, attributes.tensor(twin)) : attributes.floats(name, [])
}

const MODE_NUMBERS: ReadonlyMap<string, number> = new Map([
  ...MODES.slice(0, 6).map((name, at) => [name, at] as const),
  ['LEAF', MODE.leaf],
])

/**
 * Reads the trees of TreeEnsembleRegressor and TreeEnsembleClassifier, whose nodes name each other by tree and number.
 *
 * @param votes - what the votes' attributes start with
 * @param targets - number of targets or classes
 * @throws HenceError `GRAPH_INVALID` for lists of different lengths, and for names without a node or with several
 */
export function readTaggedTrees(call: OperatorCall, votes: 'target' | 'class', targets: number): TreeNodes {
  const { attributes } = call
  const trees = attributes.ints('nodes_treeids', [])
  const { length } = trees
  const list = (name: string): readonly number[] => sameLength(call, name, attributes.ints(name, []), length)
  const names = sameLength(call, 'nodes_modes', attributes.strings('nodes_modes', []), length)
  const modes = Uint8Array.from(names, name => {
    const mode = MODE_NUMBERS.get(name)
    checkGraph(mode !== undefined, call, `nodes_modes has the unknown mode "${name}"`, { name })
    return mode
  })
  const index = new NodeIndex(call, trees, list('nodes_nodeids'))
  const children = (name: string): Int32Array =>
    Int32Array.from(list(name), (child, node) => (modes[node] === MODE.leaf ? -1 : index.find(trees[node]!, child)))
  const missing = attributes.ints('nodes_missing_value_tracks_true', [])
  const [trueChildren, falseChildren] = [children('nodes_truenodeids'), children('nodes_falsenodeids')]
  return {
    roots: index.roots(trueChildren, falseChildren),
    modes,
    features: Int32Array.from(list('nodes_featureids')),
    thresholds: Float64Array.from(sameLength(call, 'nodes_values', floatsOf(call, 'nodes_values'), length)),
    trueChildren,
    falseChildren,
    missingTrue: Uint8Array.from(
      missing.length === 0 ? trees : sameLength(call, 'nodes_missing_value_tracks_true', missing, length),
      (_, at) => (missing[at] === 1 ? 1 : 0),
    ),
    members: new Map(),
    ...readVotes(call, votes, targets, index, length),
  }
}

function sameLength<T extends { readonly length: number }>(call: OperatorCall, name: string, values: T, length: number): T {
  checkGraph(values.length === length, call, `${name} has ${values.length} entries for ${length} nodes`, { name })
  return values
}

function readVotes(
  call: OperatorCall,
  prefix: 'target' | 'class',
  targets: number,
  index: NodeIndex,
  nodeCount: number,
): Pick<TreeNodes, 'voteStarts' | 'voteTargets' | 'voteWeights'> {
  const { attributes } = call
  const ids = attributes.ints(`${prefix}_ids`, [])
  const { length } = ids
  const [trees, numbers] = [attributes.ints(`${prefix}_treeids`, []), attributes.ints(`${prefix}_nodeids`, [])]
  const weights = floatsOf(call, `${prefix}_weights`)
  const fits = trees.length === length && numbers.length === length && weights.length === length
  checkGraph(
    fits,
    call,
    `${prefix}_ids, _treeids, _nodeids and _weights have ${length}, ${trees.length}, ${numbers.length}, ${weights.length} entries`,
  )
  for (const id of ids) checkGraph(id >= 0 && id < targets, call, `${prefix}_ids names ${id} of ${targets}`, { id, targets })
  const nodes = Int32Array.from(trees, (tree, vote) => index.find(tree, numbers[vote]!))
  return groupVotes(nodeCount, nodes, ids, weights)
}

/** Nodes by the number of their tree and their own in it. */
class NodeIndex {
  readonly #call: OperatorCall
  readonly #trees = new Map<number, Map<number, number>>()

  constructor(call: OperatorCall, trees: readonly number[], numbers: readonly number[]) {
    this.#call = call
    for (let node = 0; node < trees.length; node++) {
      const tree = trees[node]!
      let own = this.#trees.get(tree)
      if (!own) {
        own = new Map()
        this.#trees.set(tree, own)
      }
      const number = numbers[node]!
      checkGraph(!own.has(number), call, `tree ${tree} has two nodes ${number}`, { tree, node: number })
      own.set(number, node)
    }
  }

  find(tree: number, number: number): number {
    const node = this.#trees.get(tree)?.get(number)
    checkGraph(node !== undefined, this.#call, `tree ${tree} has no node ${number}`, { tree, node: number })
    return node
  }

  /**
   * The root of each tree, trees in the order of the file: the first node, or where that is a child the only node that is none
   * and from which all others are reached.
   */
  roots(trueChildren: Int32Array, falseChildren: Int32Array): number[] {
    const isChild = new Uint8Array(trueChildren.length)
    for (let node = 0; node < trueChildren.length; node++)
      if (trueChildren[node]! >= 0) {
        isChild[trueChildren[node]!] = 1
        isChild[falseChildren[node]!] = 1
      }
    return Array.from(this.#trees, ([tree, own]) => {
      const nodes = [...own.values()]
      if (isChild[nodes[0]!] === 0) return nodes[0]!
      const root = nodes.find(node => isChild[node] === 0)
      let reached = 0
      const stack = root === undefined ? [] : [root]
      for (let node = stack.pop(); node !== undefined && reached <= nodes.length; node = stack.pop(), reached++)
        if (trueChildren[node]! >= 0) stack.push(trueChildren[node]!, falseChildren[node]!)
      checkGraph(root !== undefined && reached === nodes.length, this.#call, `tree ${tree} has no root that leads to all its nodes`, {
        tree,
      })
      return root
    })
  }
}
