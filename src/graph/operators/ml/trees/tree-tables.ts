import { isFloat32 } from './ensemble.ts'
import { nodeKey } from './flat-tree.ts'
import { float32Keys } from './keys.ts'
import { type NormalForest, TEST } from './normal-forest.ts'
import { layOutTree, leafDepths, NEVER_GREATER } from './packed-tree.ts'

/** A forest as the tables of the instruction `tree_ensemble`. */
export interface TreeTables {
  readonly nodes: Int32Array
  readonly trees: Int32Array
  readonly columns: Int32Array
  readonly columnBits: number
  readonly voteStarts: Int32Array
  readonly voteTargets: Int32Array
  readonly voteWeights: Float32Array
}

/** Every execution of a program has its constants, so larger forests stay out of programs. */
const MOST_SLOTS = 2 ** 24

/** The tables of a forest; `undefined` when it asks for more than `x <= t` of float32 numbers, or is too large. */
export function treeTables(forest: NormalForest): TreeTables | undefined {
  const { nodes, tests, columns, columnOf } = forest
  if (tests.some(test => test === TEST.eq || test === TEST.member) || !isFloat32(forest) || columns.length === 0) return undefined
  if (nodes.voteWeights.some(weight => !Number.isFinite(weight) || Math.fround(weight) !== weight)) return undefined
  const columnBits = Math.max(1, Math.ceil(Math.log2(columns.length)))
  const layouts = nodes.roots.map(root => layOutTree(forest, root))
  const total = layouts.reduce((sum, { slots }) => sum + slots.length, 0)
  const most = layouts.reduce((size, { slots }) => Math.max(size, slots.length), 0)
  if (total > MOST_SLOTS || most >= 2 ** (31 - columnBits)) return undefined
  const words = new Int32Array(total * 2)
  const trees = new Int32Array(layouts.length * 2)
  const voteStarts = new Int32Array(total + 1)
  const voteTargets: number[] = []
  const voteWeights: number[] = []
  let first = 0
  for (const [tree, { slots, leftSlots }] of layouts.entries()) {
    trees.set([first, leafDepths(tests, slots, leftSlots).most], tree * 2)
    for (const [slot, node] of slots.entries()) {
      const leftSlot = leftSlots.get(node)
      const isLeaf = leftSlot === undefined
      words[(first + slot) * 2] = isLeaf ? NEVER_GREATER : nodeKey(forest, float32Keys, node)
      words[(first + slot) * 2 + 1] = isLeaf ? slot << columnBits : (leftSlot << columnBits) | columnOf[node]!
      // Slot 0 only stands before the root.
      if (isLeaf && slot > 0)
        for (let vote = nodes.voteStarts[node]!; vote < nodes.voteStarts[node + 1]!; vote++) {
          voteTargets.push(nodes.voteTargets[vote]!)
          // -0 would not show that there was a vote.
          voteWeights.push(nodes.voteWeights[vote]! + 0)
        }
      voteStarts[first + slot + 1] = voteTargets.length
    }
    first += slots.length
  }
  return {
    nodes: words,
    trees,
    columns: Int32Array.from(columns, ({ feature, missingLeft }) => feature * 2 + Number(missingLeft)),
    columnBits,
    voteStarts,
    voteTargets: Int32Array.from(voteTargets),
    voteWeights: Float32Array.from(voteWeights),
  }
}
