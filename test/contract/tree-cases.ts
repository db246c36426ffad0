import type { Rng } from '../../src/core/index.ts'
import { CaseBuilder, type ContractCase } from './case.ts'

interface Shape {
  readonly rows: number
  readonly features: number
  readonly trees: number
  readonly depth: number
  readonly targets: number
  /** Chance that a node above the deepest level is a leaf. */
  readonly leaves?: number
  readonly votes?: number
  readonly bases?: boolean
  readonly scale?: number
}

const SHAPES: readonly Shape[] = [
  { rows: 1, features: 1, trees: 1, depth: 0, targets: 1 },
  { rows: 1, features: 5, trees: 13, depth: 6, targets: 1, leaves: 0.2 },
  { rows: 7, features: 3, trees: 3, depth: 3, targets: 2, bases: true },
  { rows: 19, features: 40, trees: 9, depth: 9, targets: 5, leaves: 0.3, votes: 3, scale: 0.25 },
  { rows: 600, features: 32, trees: 20, depth: 8, targets: 1 },
  { rows: 2100, features: 32, trees: 8, depth: 7, targets: 3, leaves: 0.1, bases: true },
  { rows: 9, features: 3000, trees: 30, depth: 5, targets: 70, votes: 2 },
]

const NEVER_GREATER = 0x7fffffff

/** Tables of random trees: two words per slot, children next to each other. */
function randomTrees(rng: Rng, { trees: count, features, depth, leaves = 0, votes = 1, targets }: Shape) {
  const below = (bound: number): number => rng.uint32() % bound
  const columnBits = Math.max(1, Math.ceil(Math.log2(2 * features)))
  const nodes: number[] = []
  const trees: number[] = []
  const voteStarts = [0]
  const voteTargets: number[] = []
  const bits = new Int32Array(1)
  const float = new Float32Array(bits.buffer)
  for (let tree = 0; tree < count; tree++) {
    const levels = [0, 0]
    const first = voteStarts.length - 1
    for (let slot = 0; slot < levels.length; slot++) {
      const isLeaf = slot === 0 || levels[slot] === depth || (levels[slot]! > 0 && rng.uint32() < leaves * 2 ** 32)
      if (isLeaf) nodes.push(NEVER_GREATER, slot << columnBits)
      else {
        float[0] = below(4) === 0 ? 0 : rng.normal()
        nodes.push(bits[0]! ^ ((bits[0]! >> 31) & 0x7fffffff), (levels.length << columnBits) | below(2 * features))
        levels.push(levels[slot]! + 1, levels[slot]! + 1)
      }
      if (isLeaf && slot > 0) for (let vote = below(votes + 1) + (votes === 1 ? 0 : 1); vote > 0; vote--) voteTargets.push(below(targets))
      voteStarts.push(voteTargets.length)
    }
    trees.push(first, Math.max(...levels))
  }
  return { nodes, trees, voteStarts, voteTargets, columnBits }
}

function treeCase(shape: Shape): ContractCase {
  const { rows, features, targets, bases = false, scale } = shape
  const c = new CaseBuilder(`tree ensemble ${JSON.stringify(shape)}`)
  const { nodes, trees, voteStarts, voteTargets, columnBits } = randomTrees(c.rng, shape)
  const x = c.input('x', [rows, features])
  const values = c.inputs['x'] as Float32Array
  for (let at = 3; at < values.length; at += 17) values[at] = [Number.NaN, 0, -0, Number.POSITIVE_INFINITY, -1e-42][at % 5]!
  const table = (name: string, data: readonly number[], columns = 1) =>
    c.builder.constant(
      name,
      { dtype: 'i32', shape: columns === 1 ? [data.length] : [data.length / columns, columns] },
      Int32Array.from(data),
    )
  const operands = [
    x,
    table('nodes', nodes, 2),
    table('trees', trees, 2),
    table(
      'columns',
      Array.from({ length: 2 * features }, (_, at) => at),
    ),
    table('voteStarts', voteStarts),
    table('voteTargets', voteTargets.length > 0 ? voteTargets : [0]),
    c.builder.constant(
      'voteWeights',
      { dtype: 'f32', shape: [Math.max(1, voteTargets.length)] },
      c.numbers(Math.max(1, voteTargets.length)),
    ),
    bases ? c.input('bases', [targets]) : undefined,
  ]
  const attributes = { targets, columnBits, ...(scale === undefined ? {} : { scale }) }
  c.builder.output('y', c.builder.op('tree_ensemble', 'y', operands, attributes))
  return c.done()
}

/** Trees of even and of random depth; missing values, zeros of both signs and numbers below the normal range. */
export const treeCases: readonly ContractCase[] = SHAPES.map(treeCase)
