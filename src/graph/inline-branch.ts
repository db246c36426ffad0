import type { OnnxGraph, OnnxModel, OnnxNode } from '../formats/index.ts'
import { expandFunctions, renameInBodies } from './expand-functions.ts'
import { attributesOf, type GraphNode } from './graph.ts'
import type { GraphTensor } from './operator.ts'

/** The nodes of a branch in place of its `If`, and the constants they read. */
export interface InlinedBranch {
  readonly nodes: readonly GraphNode[]
  readonly constants: ReadonlyMap<string, GraphTensor>
}

/** The branch an `If` takes, its values under names of their own and its results under those of the `If`. */
export function inlineBranch(node: GraphNode, taken: boolean, model: OnnxModel): InlinedBranch {
  const body = attributesOf(node).graph(taken ? 'then_branch' : 'else_branch')
  const prefix = `${node.name}/${taken ? 'then' : 'else'}/`
  const own = ownNames(body)
  const renamed = new Map<string, string>()
  // The value behind a result takes the result's name, unless it has two or comes from outside.
  for (const [i, { name }] of body.outputs.entries()) {
    const result = node.outputs[i]
    const isComputed = body.nodes.some(({ outputs }) => outputs.includes(name))
    if (result && isComputed && !renamed.has(name)) renamed.set(name, result)
  }
  const rename = (name: string): string => (name === '' || !own.has(name) ? name : (renamed.get(name) ?? prefix + name))
  const nodes = body.nodes.map(
    (inner, i): OnnxNode => ({
      ...inner,
      name: `${prefix}${inner.name || `${inner.op}_${i}`}`,
      inputs: inner.inputs.map(rename),
      outputs: inner.outputs.map(rename),
      attributes: renameInBodies(inner.attributes, rename),
    }),
  )
  const copies = body.outputs.flatMap(({ name }, i): GraphNode[] => {
    const result = node.outputs[i]
    if (!result || renamed.get(name) === result) return []
    return [
      { name: `${prefix}result_${i}`, domain: '', op: 'Identity', version: 16, inputs: [rename(name)], outputs: [result], attributes: {} },
    ]
  })
  const constants = new Map([...body.initializers].map(([name, tensor]) => [rename(name), tensor]))
  return { nodes: [...expandFunctions(model, nodes, node.opsets ?? model.opsets), ...copies], constants }
}

function ownNames(body: OnnxGraph): ReadonlySet<string> {
  return new Set([...body.initializers.keys(), ...body.nodes.flatMap(({ outputs }) => outputs)])
}
