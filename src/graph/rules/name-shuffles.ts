import type { OnnxAttribute } from '../../formats/index.ts'
import { attributesOf, type GraphNode } from '../graph.ts'
import { Rewriter } from './rewriter.ts'
import type { Rule } from './rule.ts'

/** The known shape a `Reshape` makes, where it states every size but that of the batch. */
function statedShape(rewriter: Rewriter, node: GraphNode | undefined, rank: number): readonly number[] | undefined {
  if (node?.domain !== '' || node.op !== 'Reshape') return undefined
  const shape = Array.from((rewriter.constant(node.inputs[1])?.data ?? []) as ArrayLike<number | bigint>, Number)
  return shape.length === rank && shape.slice(1).every(size => size > 0) ? shape : undefined
}

/**
 * Channels in groups that change places, `[N, g·c, H, W]` → `[N, g, c, H, W]` → `[N, c, g, H, W]` → `[N, c·g, H, W]`, become
 * `hence.ShuffleChannels`, so that images can keep their layout. Source: Zhang et al., "ShuffleNet" (2017).
 */
export const nameShuffles: Rule = {
  name: 'shuffles of channels',
  apply(graph) {
    const rewriter = new Rewriter(graph)
    for (const join of graph.nodes) {
      const joined = statedShape(rewriter, join, 4)
      const swap = joined && rewriter.onlyProducer(join.inputs[0])
      if (swap?.domain !== '' || swap.op !== 'Transpose' || attributesOf(swap).ints('perm', []).join() !== '0,2,1,3,4') continue
      const split = rewriter.onlyProducer(swap.inputs[0])
      const parts = statedShape(rewriter, split, 5)
      if (!split || !parts || joined![0] !== parts[0] || joined![1] !== parts[1]! * parts[2]!) continue
      if (joined![2] !== parts[3] || joined![3] !== parts[4]) continue
      const shape: OnnxAttribute = { type: 'ints', value: parts }
      rewriter.replace([split, swap, join], {
        ...join,
        domain: 'hence',
        op: 'ShuffleChannels',
        inputs: [split.inputs[0]!],
        attributes: { shape },
      })
    }
    return rewriter.finish()
  },
}
