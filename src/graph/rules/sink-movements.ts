import { elementCount } from '../../core/index.ts'
import { attributesOf, type GraphNode } from '../graph.ts'
import { Rewriter } from './rewriter.ts'
import type { Rule } from './rule.ts'

/** Operators that treat every place alike: each element of the result comes from one element of every operand. */
const ELEMENTWISE = new Set(
  (
    'Abs Acos Acosh Add And Asin Asinh Atan Atanh Cast Ceil Celu Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater ' +
    'GreaterOrEqual HardSigmoid HardSwish Identity LeakyRelu Less LessOrEqual Log Max Min Mish Mul Neg Not Or Pow Reciprocal ' +
    'Relu Round Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh Where Xor'
  ).split(' '),
)

/** Operators that give a tensor another shape and leave its elements in their order. */
const RESHAPING = new Set('Flatten Reshape Squeeze Unsqueeze'.split(' '))

/** Elementwise nodes looked through from one movement up to the next. */
const MOST_BETWEEN = 32

/** How a node moves its first operand: the order of a transpose's axes, or that it only reshapes. */
type Movement = readonly number[] | 'reshape'

/** Elementwise nodes, and what they read: values that were moved alike, with the values they were made from, and constants. */
interface Between {
  readonly movement: Movement
  readonly nodes: ReadonlySet<GraphNode>
  readonly origins: ReadonlyMap<string, string>
  readonly constants: ReadonlySet<string>
}

function movementOf(node: GraphNode | undefined): Movement | undefined {
  if (node?.domain !== '') return undefined
  if (RESHAPING.has(node.op)) return 'reshape'
  const order = node.op === 'Transpose' ? attributesOf(node).ints('perm', []) : []
  return order.length > 0 ? order : undefined
}

/** What lies between a value and the movements above it; undefined where anything but elementwise operators does. */
function lookUp(rewriter: Rewriter, value: string): Between | undefined {
  const nodes = new Set<GraphNode>()
  const origins = new Map<string, string>()
  const constants = new Set<string>()
  const movements = new Map<string, Movement>()
  const waiting = [value]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (rewriter.constant(name)) {
      constants.add(name)
      continue
    }
    const node = rewriter.producer(name)
    const movement = movementOf(node)
    if (movement) {
      movements.set(String(movement), movement)
      origins.set(name, node!.inputs[0]!)
    } else if (node?.domain === '' && ELEMENTWISE.has(node.op) && nodes.size < MOST_BETWEEN) {
      if (!nodes.has(node)) waiting.push(...node.inputs.filter(input => input !== ''))
      nodes.add(node)
    } else return undefined
  }
  const [movement] = movements.values()
  return movements.size === 1 ? { movement: movement!, nodes, origins, constants } : undefined
}

/** True for a reshape whose result does not depend on the shape of its operand. */
function statesShape(rewriter: Rewriter, node: GraphNode): boolean {
  const shape = node.op === 'Reshape' ? rewriter.constant(node.inputs[1]) : undefined
  return shape !== undefined && Array.from(shape.data as ArrayLike<number | bigint>, Number).every(size => size !== 0)
}

/** True when the nodes between two movements may compute on what was not moved yet. */
function isMovable(rewriter: Rewriter, own: Movement, last: GraphNode, { movement, nodes, origins, constants }: Between): boolean {
  if (movement === 'reshape' || own === 'reshape') {
    // Values that were reshaped apart need not broadcast as what they were made from.
    if (own !== movement || origins.size > 1 || !statesShape(rewriter, last)) return false
  } else if (!isOrder(own) || !isOrder(movement) || own.length !== movement.length) return false
  const fits = [...constants].every(name => {
    const { shape } = rewriter.constant(name)!
    if (movement === 'reshape') return elementCount(shape) === 1
    return shape.length <= movement.length && shape.filter(size => size !== 1).length <= 1
  })
  const readers = [...nodes, last]
  return fits && [...nodes].every(({ outputs }) => outputs.length === 1 && rewriter.isReadOnlyBy(outputs[0]!, readers))
}

function isOrder(axes: readonly number[]): boolean {
  return axes.every((_, i) => axes.includes(i))
}

/** The name of a constant along one axis as it is before a transpose. */
function beforeTranspose(rewriter: Rewriter, name: string, order: readonly number[]): string {
  const tensor = rewriter.constant(name)!
  if (elementCount(tensor.shape) === 1) return name
  const padded = [...new Array<number>(order.length - tensor.shape.length).fill(1), ...tensor.shape]
  return rewriter.addConstant(`${name} along another axis`, { ...tensor, shape: padded.map((_, axis) => padded[order.indexOf(axis)]!) })
}

/**
 * A transpose or reshape sinks through elementwise operators to the next one below, and the two become one. Transposes that
 * undo each other are gone.
 */
export const sinkMovements: Rule = {
  name: 'movements sunk',
  apply(graph) {
    const rewriter = new Rewriter(graph)
    for (const node of graph.nodes) {
      const own = movementOf(node)
      const between = own && lookUp(rewriter, node.inputs[0]!)
      if (!own || !between || !isMovable(rewriter, own, node, between)) continue
      const { movement, nodes, origins, constants } = between
      const renamed = new Map(origins)
      if (movement !== 'reshape') for (const name of constants) renamed.set(name, beforeTranspose(rewriter, name, movement))
      const rename = (name: string): string => renamed.get(name) ?? name
      for (const one of nodes) rewriter.replace([one], { ...one, inputs: one.inputs.map(rename) })
      rewriter.replace([node], { ...node, inputs: [rename(node.inputs[0]!), ...node.inputs.slice(1)], ...joined(own, movement) })
    }
    return rewriter.finish()
  },
}

/** What one movement after the other is: as the second alone, in another order, or nothing. */
function joined(second: Movement, first: Movement): Partial<GraphNode> {
  if (second === 'reshape' || first === 'reshape') return {}
  const value = second.map(axis => first[axis]!)
  if (value.every((axis, i) => axis === i)) return { op: 'Identity', attributes: {} }
  return { attributes: { perm: { type: 'ints', value } } }
}
