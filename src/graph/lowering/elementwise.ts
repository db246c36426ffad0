import type { MapExpression } from '../../program/index.ts'
import type { Lowering, LoweringContext } from './context.ts'

type Build = (...branches: MapExpression[]) => MapExpression

const zero: MapExpression = { constant: 0 }
const one: MapExpression = { constant: 1 }
const clamp = (x: MapExpression, low: number, high: number): MapExpression => ['min', ['max', x, { constant: low }], { constant: high }]

/** Functions of one operand as expressions. */
const UNARY: Readonly<Record<string, Build>> = {
  Abs: x => ['abs', x],
  Neg: x => ['neg', x],
  Sqrt: x => ['sqrt', x],
  Exp: x => ['exp', x],
  Log: x => ['log', x],
  Tanh: x => ['tanh', x],
  Sigmoid: x => ['sigmoid', x],
  Erf: x => ['erf', x],
  Relu: x => ['relu', x],
  Reciprocal: x => ['div', one, x],
  Softsign: x => ['div', x, ['add', one, ['abs', x]]],
  HardSwish: x => ['mul', x, clamp(['add', ['mul', x, { constant: 1 / 6 }], { constant: 0.5 }], 0, 1)],
}

/** Functions of two operands as expressions; Sum, Max and Min chain them over any number. */
const BINARY: Readonly<Record<string, Build>> = {
  Add: (a, b) => ['add', a!, b!],
  Sub: (a, b) => ['sub', a!, b!],
  Mul: (a, b) => ['mul', a!, b!],
  Div: (a, b) => ['div', a!, b!],
  Pow: (a, b) => ['pow', a!, b!],
  Max: (a, b) => ['max', a!, b!],
  Min: (a, b) => ['min', a!, b!],
  Sum: (a, b) => ['add', a!, b!],
}

function unary(build: Build): Lowering {
  return context => isArithmetic(context, 0) && context.defineMap([0], context.type(0)!.shape, ([x]) => build(x!))
}

function chain(build: Build): Lowering {
  return context => {
    const positions = context.node.inputs.map((_, i) => i)
    if (!positions.every(i => isArithmetic(context, i)) || new Set(positions.map(i => context.type(i)!.dtype)).size > 1) return false
    const shape = broadcast(positions.map(i => context.type(i)!.shape))
    return shape !== undefined && context.defineMap(positions, shape, branches => branches.reduce((a, b) => build(a, b)))
  }
}

/** Truth values have no arithmetic. */
function isArithmetic(context: LoweringContext, position: number): boolean {
  return context.isFloat(position) && context.type(position)!.dtype !== 'bool'
}

/** The shape several shapes broadcast to, aligned at their ends; undefined when they do not. */
export function broadcast(shapes: readonly (readonly number[])[]): number[] | undefined {
  const rank = Math.max(...shapes.map(shape => shape.length))
  const result = new Array<number>(rank).fill(1)
  for (const shape of shapes)
    for (const [i, size] of shape.entries()) {
      const axis = rank - shape.length + i
      if (result[axis] === 1) result[axis] = size
      else if (size !== 1 && size !== result[axis]) return undefined
    }
  return result
}

const withAlpha =
  (fallback: number, build: (x: MapExpression, alpha: MapExpression) => MapExpression): Lowering =>
  context => {
    const alpha: MapExpression = { constant: Math.fround(context.attributes.float('alpha', fallback)) }
    return isArithmetic(context, 0) && context.defineMap([0], context.type(0)!.shape, ([x]) => build(x!, alpha))
  }

const clip: Lowering = context => {
  if (!isArithmetic(context, 0)) return false
  const bound = (position: number, attribute: string, none: number): number | undefined => {
    if (context.node.version < 11) return context.attributes.float(attribute, none)
    if (!context.has(position)) return none
    const tensor = context.known(position)
    return tensor?.dtype === 'f32' ? (tensor.data as Float32Array)[0] : undefined
  }
  const low = bound(1, 'min', -Infinity)
  const high = bound(2, 'max', Infinity)
  if (low === undefined || high === undefined || Number.isNaN(low) || Number.isNaN(high)) return false
  return context.defineMap([0], context.type(0)!.shape, ([x]) => {
    const above: MapExpression = low === -Infinity ? x! : ['max', x!, { constant: low }]
    return high === Infinity ? above : ['min', above, { constant: high }]
  })
}

const hardSigmoid: Lowering = context => {
  const alpha = context.attributes.float('alpha', 0.2)
  const beta = context.attributes.float('beta', 0.5)
  return (
    isArithmetic(context, 0) &&
    context.defineMap([0], context.type(0)!.shape, ([x]) => clamp(['add', ['mul', x!, { constant: alpha }], { constant: beta }], 0, 1))
  )
}

const gelu: Lowering = context => {
  const kind = context.attributes.string('approximate', 'none') === 'tanh' ? 'gelu_tanh' : 'gelu'
  return isArithmetic(context, 0) && context.defineMap([0], context.type(0)!.shape, ([x]) => [kind, x!])
}

/** Value of another name; nothing is computed. */
const identity: Lowering = context => {
  const pending = context.segment.values.get(context.node.inputs[0]!)
  if (!pending || context.node.outputs.length > 1) return false
  context.segment.materialize(context.node.inputs[0]!)
  context.segment.define(context.node.outputs[0]!, context.segment.values.get(context.node.inputs[0]!)!)
  return true
}

/** Elementwise operators by name. */
export const ELEMENTWISE: Readonly<Record<string, Lowering>> = {
  ...Object.fromEntries(Object.entries(UNARY).map(([op, build]) => [op, unary(build)])),
  ...Object.fromEntries(Object.entries(BINARY).map(([op, build]) => [op, chain(build)])),
  Clip: clip,
  Gelu: gelu,
  HardSigmoid: hardSigmoid,
  Identity: identity,
  LeakyRelu: withAlpha(0.01, (x, alpha) => ['add', ['max', x, zero], ['mul', alpha, ['min', x, zero]]]),
}
