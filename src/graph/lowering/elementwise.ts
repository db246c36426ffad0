import { elementCount } from '../../core/index.ts'
import type { MapExpression } from '../../program/index.ts'
import { clamp } from './clamp.ts'
import type { Lowering, LoweringContext } from './context.ts'
import { isExact, isWhole, LARGE } from './integers.ts'

type Build = (...branches: MapExpression[]) => MapExpression

const one: MapExpression = { constant: 1 }

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
  Reciprocal: x => ['reciprocal', x],
  Floor: x => ['floor', x],
  Ceil: x => ['ceil', x],
  Round: x => ['round', x],
  Sign: x => ['sign', x],
  Sin: x => ['sin', x],
  Cos: x => ['cos', x],
  Tan: x => ['tan', x],
  Asin: x => ['asin', x],
  Acos: x => ['acos', x],
  Atan: x => ['atan', x],
  Sinh: x => ['sinh', x],
  Cosh: x => ['cosh', x],
  Asinh: x => ['asinh', x],
  Acosh: x => ['acosh', x],
  Atanh: x => ['atanh', x],
  Softplus: x => ['softplus', x],
  Mish: x => ['mul', x, ['tanh', ['softplus', x]]],
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

/** Comparisons: truth values as 0 and 1. */
const COMPARISONS: Readonly<Record<string, Build>> = {
  Less: (a, b) => ['less', a!, b!],
  LessOrEqual: (a, b) => ['less_equal', a!, b!],
  Greater: (a, b) => ['greater', a!, b!],
  GreaterOrEqual: (a, b) => ['greater_equal', a!, b!],
  Equal: (a, b) => ['equal', a!, b!],
}

/** Logic over truth values. */
const LOGIC: Readonly<Record<string, Build>> = {
  And: (a, b) => ['mul', a!, b!],
  Or: (a, b) => ['max', a!, b!],
  Xor: (a, b) => ['abs', ['sub', a!, b!]],
  Not: a => ['sub', one, a!],
}

function unary(build: Build): Lowering {
  return context => isArithmetic(context, 0) && context.defineMap([0], context.type(0)!.shape, ([x]) => build(x!))
}

/** A function that chains over any number of operands, and what is done with the last result. */
function chain(build: Build, finish: (count: number) => Build = () => result => result!): Lowering {
  return context => {
    const positions = context.node.inputs.map((_, i) => i)
    if (!positions.every(i => isArithmetic(context, i)) || new Set(positions.map(i => context.type(i)!.dtype)).size > 1) return false
    const shape = broadcast(positions.map(i => context.type(i)!.shape))
    const last = finish(positions.length)
    return shape !== undefined && context.defineMap(positions, shape, branches => last(branches.reduce((a, b) => build(a, b))))
  }
}

/** A function of operands of one type whose results are truth values. */
function truth(build: Build, suits: (context: LoweringContext, position: number) => boolean): Lowering {
  return context => {
    const positions = context.node.inputs.map((_, i) => i)
    // A program only for the sake of truth values of the host is not worth while.
    if (!positions.some(i => context.segment.values.has(context.node.inputs[i]!)) || !positions.every(i => suits(context, i))) return false
    const shape = broadcast(positions.map(i => context.type(i)!.shape))
    return shape !== undefined && context.defineMap(positions, shape, branches => build(...branches), 'bool')
  }
}

/** A comparison of whole numbers of which one side is known. */
function wholeComparison(build: Build): Lowering {
  return context => {
    const [a, b] = [context.type(0), context.type(1)]
    if (!a || a.dtype !== b?.dtype || !isWhole(a.dtype) || !(isExact(context.known(0)) || isExact(context.known(1)))) return false
    const shape = broadcast([a.shape, b.shape])
    const isPending = [0, 1].some(i => context.segment.values.has(context.node.inputs[i]!))
    if (!shape || (!isPending && elementCount(shape) < LARGE)) return false
    return context.defineMap([0, 1], shape, branches => build(...branches), 'bool')
  }
}

function comparison(build: Build): Lowering {
  const [ofNumbers, ofWholes] = [truth(build, isArithmetic), wholeComparison(build)]
  return context => ofNumbers(context) || ofWholes(context)
}

const where: Lowering = context => {
  const [condition, a, b] = [context.type(0), context.type(1), context.type(2)]
  if (condition?.dtype !== 'bool' || !a || !b || !isArithmetic(context, 1) || a.dtype !== b.dtype) return false
  const shape = broadcast([condition.shape, a.shape, b.shape])
  return shape !== undefined && context.defineMap([0, 1, 2], shape, ([c, x, y]) => ['where', c!, x!, y!], a.dtype)
}

/** True for numbers that programs compute in f32. Truth values have no arithmetic. */
export function isArithmetic(context: LoweringContext, position: number): boolean {
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

/** Value of another name; nothing is computed. */
const identity: Lowering = context => {
  if (context.node.outputs.length > 1 || !context.isUnderWay) return false
  return context.passOn()
}

/** Elementwise operators by name. */
export const ELEMENTWISE: Readonly<Record<string, Lowering>> = {
  ...Object.fromEntries(Object.entries(UNARY).map(([op, build]) => [op, unary(build)])),
  ...Object.fromEntries(Object.entries(BINARY).map(([op, build]) => [op, chain(build)])),
  ...Object.fromEntries(Object.entries(COMPARISONS).map(([op, build]) => [op, comparison(build)])),
  ...Object.fromEntries(Object.entries(LOGIC).map(([op, build]) => [op, truth(build, (c, i) => c.type(i)?.dtype === 'bool')])),
  Clip: clip,
  Identity: identity,
  Where: where,
  Mean: chain(BINARY['Sum']!, count => sum => ['div', sum, { constant: count }]),
}
