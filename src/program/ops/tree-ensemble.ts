import { agree, check, f32, i32, type Op, operand } from '../op.ts'

export interface TreeEnsembleAttributes {
  /** Numbers per row of the result. */
  readonly targets: number
  /** Low bits of a node's second word that name its column. */
  readonly columnBits: number
  /** Multiplies the sums of votes, 1 by default. */
  readonly scale?: number
}

const OP = 'tree_ensemble'
const MOST_COLUMN_BITS = 24
const [LEAST, MOST] = [-0x80000000, 0x7fffffff] as const

/**
 * Rows x `[R, F]` through trees: sums of the votes of the leaves they come to, times a scale, plus a base per target. A
 * target without votes gets -0 (plus its base).
 *
 * `nodes` i32 `[slots, 2]`: a key, and the slot of the left child within the tree above the bits of the column compared; the
 * right child is the next slot. A key of x greater than the node's leads right. A leaf has the greatest key and is its own
 * left child. The root of a tree has its slot 1. `trees` i32 `[T, 2]`: the first slot and the greatest depth. `columns` i32
 * `[C]`: twice the feature, plus 1 where a missing value goes left. Votes of slot s are those from `voteStarts[s]` to
 * `voteStarts[s + 1]`.
 *
 * Keys are the bits of f32 turned so that integers are ordered as the numbers; both zeros are 0, NaN is the least or the
 * greatest integer. What the tables hold is not checked.
 */
export const treeEnsemble: Op<TreeEnsembleAttributes> = {
  name: OP,
  operands: ['x', 'nodes', 'trees', 'columns', 'voteStarts', 'voteTargets', 'voteWeights', 'bases?'],
  infer([x, nodes, trees, columns, voteStarts, voteTargets, voteWeights, bases], { targets, columnBits }) {
    const [rows] = operand(OP, 'x', x, 'f32', 2).shape
    const [slots, words] = operand(OP, 'nodes', nodes, 'i32', 2).shape
    check(words === 2 && operand(OP, 'trees', trees, 'i32', 2).shape[1] === 2, OP, 'nodes and trees have two words each')
    operand(OP, 'columns', columns, 'i32', 1)
    const starts = operand(OP, 'voteStarts', voteStarts, 'i32', 1).shape[0]!
    check(typeof slots === 'number' && starts === slots + 1, OP, 'there must be one more vote start than slots')
    agree(
      OP,
      'targets and weights of votes',
      operand(OP, 'voteTargets', voteTargets, 'i32', 1).shape[0]!,
      operand(OP, 'voteWeights', voteWeights, 'f32', 1).shape[0]!,
    )
    check(Number.isInteger(targets) && targets > 0, OP, `there are ${targets} targets`)
    check(columnBits >= 1 && columnBits <= MOST_COLUMN_BITS, OP, `columns have ${columnBits} bits`)
    if (bases) agree(OP, 'bases and targets', operand(OP, 'bases', bases, 'f32', 1).shape[0]!, targets)
    return [{ dtype: 'f32', shape: [rows!, targets] }]
  },
  run({ inputs, outputs: [output], attributes: { targets, columnBits, scale = 1 } }) {
    const [x, bases, y] = [f32(inputs[0]), inputs[7] && f32(inputs[7]), f32(output)]
    const [nodes, trees, columns, starts, voteTargets] = inputs.slice(1, 6).map(i32) as [
      Int32Array,
      Int32Array,
      Int32Array,
      Int32Array,
      Int32Array,
    ]
    const weights = f32(inputs[6])
    const [rows, features] = inputs[0]!.shape as [number, number]
    const bits = new Int32Array(x.buffer, x.byteOffset, x.length)
    const mask = (1 << columnBits) - 1
    for (let row = 0; row < rows; row++) {
      const sums = new Float64Array(targets).fill(-0)
      for (let tree = 0; tree < trees.length; tree += 2) {
        const first = trees[tree]!
        for (let slot = 1; ; ) {
          const word = nodes[2 * (first + slot) + 1]!
          const column = columns[word & mask]!
          const key = keyOf(bits[row * features + (column >> 1)]!, (column & 1) === 1)
          const next = (word >>> columnBits) + (key > nodes[2 * (first + slot)]! ? 1 : 0)
          if (next !== slot) {
            slot = next
            continue
          }
          for (let vote = starts[first + slot]!; vote < starts[first + slot + 1]!; vote++) sums[voteTargets[vote]!]! += weights[vote]!
          break
        }
      }
      for (let at = 0; at < targets; at++) y[row * targets + at] = sums[at]! * scale + (bases ? bases[at]! : -0)
    }
  },
}

function keyOf(bits: number, missingLeft: boolean): number {
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return missingLeft ? LEAST : MOST
  return magnitude === 0 ? 0 : bits ^ ((bits >> 31) & 0x7fffffff)
}
