import { type FlatForest, type FlatTree, nodeKey } from './flat-tree.ts'
import type { KeySpace } from './keys.ts'
import { type NormalForest, TEST } from './normal-forest.ts'
import { type PackedNodes, walkEven, walkRow, walkUneven } from './walk-packed.ts'

/** Levels that lie together at the top of a tree, and in each subtree below. */
const [TOP_LEVELS, LEVELS] = [6, 3] as const

/** A leaf's key: nothing is greater. */
export const NEVER_GREATER = 0x7fffffff

/**
 * The trees of a forest in 8 bytes per node: the key it compares with, then its left child's slot above the bits of its
 * column. The right child follows the left, so the next slot is `left + (key > own)` without a branch; a leaf is its own
 * left child and never exceeded, so a walk that has arrived may go on.
 *
 * @returns `undefined` when nodes ask for more than `x <= t` or a tree has too many of them for the bits there are
 */
export function packTrees(forest: NormalForest, space: KeySpace): FlatForest | undefined {
  const { tests, columns, nodes } = forest
  if (tests.some(test => test === TEST.eq || test === TEST.member)) return undefined
  const columnBits = Math.max(1, Math.ceil(Math.log2(columns.length + 1)))
  const layouts = nodes.roots.map(root => layOutTree(forest, root))
  const starts = [0]
  for (const { slots } of layouts) starts.push(starts.at(-1)! + slots.length * 2)
  const most = layouts.reduce((size, { slots }) => Math.max(size, slots.length), 0)
  if (most >= 2 ** (31 - columnBits) || starts.at(-1)! >= 2 ** 30) return undefined
  const words = new Int32Array(starts.at(-1)!)
  const trees = layouts.map((layout, at) => {
    const own = words.subarray(starts[at], starts[at + 1])
    return packTree(forest, space, layout, { words: own, columnBits })
  })
  const offsets = Int32Array.from(starts.slice(0, -1))
  return { trees, walkRow: (keys, leaves) => walkRow({ words, columnBits }, offsets, keys, leaves) }
}

export interface TreeLayout {
  /** Node of each slot; the root has slot 1, so that children, which lie side by side, share an aligned 16 bytes. */
  readonly slots: readonly number[]
  /** Slot of the left child of each inner node. */
  readonly leftSlots: ReadonlyMap<number, number>
}

/** The order that keeps together what a walk visits. */
export function layOutTree({ tests, left, right }: NormalForest, root: number): TreeLayout {
  const slots = [root, root]
  const leftSlots = new Map<number, number>()
  const tops = [root]
  for (let top = tops.pop(); top !== undefined; top = tops.pop()) {
    let level = [top]
    for (let depth = top === root ? TOP_LEVELS : LEVELS; depth > 0; depth--) {
      const below: number[] = []
      for (const node of level) {
        if (tests[node] === TEST.leaf) continue
        leftSlots.set(node, slots.push(left[node]!, right[node]!) - 2)
        below.push(left[node]!, right[node]!)
      }
      level = below
    }
    for (const node of level) if (tests[node] !== TEST.leaf) tops.push(node)
  }
  return { slots, leftSlots }
}

function packTree(forest: NormalForest, space: KeySpace, { slots, leftSlots }: TreeLayout, packed: PackedNodes): FlatTree {
  const { nodes, tests, columnOf } = forest
  const { words, columnBits } = packed
  const starts = new Int32Array(slots.length + 1)
  const targets: number[] = []
  const weights: number[] = []
  const singles = new Float64Array(slots.length)
  let isSingle = forest.targets === 1
  for (const [slot, node] of slots.entries()) {
    const leftSlot = leftSlots.get(node)
    if (leftSlot !== undefined) {
      words[slot * 2] = nodeKey(forest, space, node)
      words[slot * 2 + 1] = (leftSlot << columnBits) | columnOf[node]!
    } else {
      words[slot * 2] = NEVER_GREATER
      words[slot * 2 + 1] = slot << columnBits
      for (let vote = nodes.voteStarts[node]!; vote < nodes.voteStarts[node + 1]!; vote++) {
        targets.push(nodes.voteTargets[vote]!)
        weights.push(nodes.voteWeights[vote]!)
      }
      singles[slot] = weights.at(-1) ?? 0
      isSingle &&= nodes.voteStarts[node + 1]! - nodes.voteStarts[node]! === 1
    }
    starts[slot + 1] = targets.length
  }
  const { mean, most } = leafDepths(tests, slots, leftSlots)
  const votes = { starts, targets: Int32Array.from(targets), weights: Float64Array.from(weights), singles: isSingle ? singles : undefined }
  // Without a look at whether it has arrived, a walk is cheaper by about one level.
  const walk: FlatTree['walk'] =
    most - mean < 1
      ? (keys, stride, rows, leaves) => walkEven(packed, most, keys, stride, rows, leaves)
      : (keys, stride, rows, leaves) => walkUneven(packed, keys, stride, rows, leaves)
  return { votes, walk }
}

/** Mean and greatest depth of the leaves. */
export function leafDepths(
  tests: Uint8Array,
  slots: readonly number[],
  leftSlots: ReadonlyMap<number, number>,
): { readonly mean: number; readonly most: number } {
  // A pair lies behind its parent, so one pass over the slots is enough.
  const depths = new Int32Array(slots.length)
  let [total, leaves, most] = [0, 0, 0]
  for (let slot = 1; slot < slots.length; slot++) {
    const node = slots[slot]!
    const depth = depths[slot]!
    const child = tests[node] === TEST.leaf ? undefined : leftSlots.get(node)
    if (child === undefined) {
      total += depth
      leaves++
      most = Math.max(most, depth)
    } else {
      depths[child] = depth + 1
      depths[child + 1] = depth + 1
    }
  }
  return { mean: total / leaves, most }
}
