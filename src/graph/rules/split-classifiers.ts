import type { GraphNode } from '../graph.ts'
import type { Rule } from './rule.ts'

/** Classification by trees in two: sums of votes, which a program can compute, and the decision, which may be about texts. */
export const splitClassifiers: Rule = {
  name: 'split-classifiers',
  apply(graph) {
    const isClassifier = ({ domain, op }: GraphNode): boolean => domain === 'ai.onnx.ml' && op === 'TreeEnsembleClassifier'
    if (!graph.nodes.some(isClassifier)) return graph
    const nodes = graph.nodes.flatMap((node): readonly GraphNode[] => {
      if (!isClassifier(node)) return [node]
      const scores = `${node.name}/scores of trees`
      return [
        { ...node, name: scores, domain: 'hence', op: 'TreeScores', outputs: [scores] },
        { ...node, domain: 'hence', op: 'TreeDecision', inputs: [scores] },
      ]
    })
    return { ...graph, nodes }
  },
}
