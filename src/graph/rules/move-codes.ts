import { elementCount } from '../../core/index.ts'
import type { GraphNode } from '../graph.ts'
import { Rewriter } from './rewriter.ts'
import type { Rule } from './rule.ts'

/** Operators whose result holds elements of their first operand, whatever their type. */
const MOVES = new Set('Expand Flatten Gather Reshape Slice Squeeze Transpose Unsqueeze'.split(' '))

/** True for two nodes with equal known scales and zero points, one number each. */
function hasSameGrid(rewriter: Rewriter, a: GraphNode, b: GraphNode): boolean {
  return [1, 2].every(position => {
    const [x, y] = [a, b].map(({ inputs }) => rewriter.constant(inputs[position]))
    // Without a zero point nothing says of which type the codes are.
    return x !== undefined && x.dtype === y?.dtype && [x, y].every(({ shape }) => elementCount(shape) === 1) && x.data[0] === y.data[0]
  })
}

/** Codes that become floats only to be moved and to become the same codes again are moved as they are. */
export const moveCodes: Rule = {
  name: 'codes moved as they are',
  apply(graph) {
    const rewriter = new Rewriter(graph)
    for (const quantise of graph.nodes) {
      if (quantise.domain !== '' || quantise.op !== 'QuantizeLinear') continue
      const move = rewriter.onlyProducer(quantise.inputs[0])
      if (move?.domain !== '' || !MOVES.has(move.op)) continue
      const dequantise = rewriter.producer(move.inputs[0])
      if (dequantise?.domain !== '' || dequantise.op !== 'DequantizeLinear' || !hasSameGrid(rewriter, dequantise, quantise)) continue
      rewriter.replace([move, quantise], {
        ...move,
        inputs: [dequantise.inputs[0]!, ...move.inputs.slice(1)],
        outputs: quantise.outputs,
      })
    }
    return rewriter.finish()
  },
}
