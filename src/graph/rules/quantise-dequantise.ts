import type { OnnxAttribute } from '../../formats/index.ts'
import { attributesOf, type GraphNode } from '../graph.ts'
import { Rewriter } from './rewriter.ts'
import type { Rule } from './rule.ts'

/** Parameters of a pair as they stand in both nodes. */
function parametersOf({ inputs }: GraphNode): string {
  return inputs.slice(1).join(' ')
}

/**
 * A value that is quantised and at once dequantised with the same known scale stays in floating point, rounded to the
 * grid of the integers: `hence.Rounded`.
 */
export const quantiseDequantise: Rule = {
  name: 'quantise and dequantise',
  apply(graph) {
    const rewriter = new Rewriter(graph)
    for (const node of graph.nodes) {
      if (node.domain !== '' || node.op !== 'DequantizeLinear') continue
      // Codes that something else reads are there anyway.
      const quantise = rewriter.onlyProducer(node.inputs[0])
      if (quantise?.domain !== '' || quantise.op !== 'QuantizeLinear' || parametersOf(quantise) !== parametersOf(node)) continue
      const scale = rewriter.constant(node.inputs[1])
      const zero = node.inputs[2] ? rewriter.constant(node.inputs[2]) : undefined
      if (scale?.dtype !== 'f32' || scale.data.length !== 1 || (node.inputs[2] && zero?.data.length !== 1)) continue
      const type = zero?.dtype ?? 'u8'
      if ((type !== 'u8' && type !== 'i8') || attributesOf(quantise).has('output_dtype') || attributesOf(node).has('output_dtype')) continue
      const dtype: OnnxAttribute = { type: 'string', value: type }
      const rounded = {
        ...node,
        domain: 'hence',
        op: 'Rounded',
        inputs: [quantise.inputs[0]!, ...node.inputs.slice(1)],
        attributes: { dtype },
      }
      rewriter.replace([node], rounded)
    }
    return rewriter.finish()
  },
}
