import { roundHalfEven } from '../../core/index.ts'
import { type Dim, denseStrides, formatShape, sameDim } from '../dims.ts'
import { check, type Op } from '../op.ts'
import { ACTIVATIONS, erf } from './activations.ts'

/** Names of functions of one number. */
export type UnaryName =
  | 'neg'
  | 'abs'
  | 'sqrt'
  | 'exp'
  | 'log'
  | 'tanh'
  | 'sigmoid'
  | 'erf'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'sign'
  | 'reciprocal'
  | 'expm1'
  | 'softplus'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'asin'
  | 'acos'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'asinh'
  | 'acosh'
  | 'atanh'
  | 'relu'
  | 'silu'
  | 'gelu'
  | 'gelu_tanh'

/** Names of functions of two numbers. */
export type BinaryName =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'min'
  | 'max'
  | 'pow'
  | 'fmod'
  | 'less'
  | 'less_equal'
  | 'greater'
  | 'greater_equal'
  | 'equal'

/** Functions of one number in a {@link MapExpression}. */
export const UNARY: Readonly<Record<UnaryName, (x: number) => number>> = {
  neg: (x: number) => -x,
  abs: Math.abs,
  sqrt: Math.sqrt,
  exp: Math.exp,
  log: Math.log,
  tanh: Math.tanh,
  sigmoid: ACTIVATIONS.sigmoid,
  erf,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  sign: Math.sign,
  reciprocal: (x: number) => 1 / x,
  expm1: Math.expm1,
  softplus: (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  relu: ACTIVATIONS.relu,
  silu: ACTIVATIONS.silu,
  gelu: ACTIVATIONS.gelu,
  gelu_tanh: ACTIVATIONS.gelu_tanh,
}

/** Functions of two numbers in a {@link MapExpression}. Comparisons give 0 or 1; `fmod` has the sign of the dividend. */
export const BINARY: Readonly<Record<BinaryName, (a: number, b: number) => number>> = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b,
  min: Math.min,
  max: Math.max,
  pow: Math.pow,
  fmod: (a: number, b: number) => a % b,
  less: (a: number, b: number) => Number(a < b),
  less_equal: (a: number, b: number) => Number(a <= b),
  greater: (a: number, b: number) => Number(a > b),
  greater_equal: (a: number, b: number) => Number(a >= b),
  equal: (a: number, b: number) => Number(a === b),
}

/**
 * A tree over the inputs of a `map`: an input's number, a constant, a function of sub-trees, or `where`: the second
 * sub-tree where the first is not zero, else the third.
 */
export type MapExpression =
  | { readonly input: number }
  | { readonly constant: number }
  | readonly [UnaryName, MapExpression]
  | readonly [BinaryName, MapExpression, MapExpression]
  | readonly ['where', MapExpression, MapExpression, MapExpression]

/** Element types a `map` reads and writes; arithmetic is f32, so integers beyond 2^24 lose their last bits. */
export type MapType = 'f32' | 'i32' | 'i64' | 'u8' | 'i8' | 'bool'

export interface MapAttributes {
  readonly expression: MapExpression
  /** Element type of the output, f32 by default; to an integer the fraction is cut off. */
  readonly dtype?: MapType
}

export const MAX_MAP_AXES = 8

const MAP_TYPES: readonly string[] = ['f32', 'i32', 'i64', 'u8', 'i8', 'bool'] satisfies MapType[]

/**
 * A fused elementwise expression. The inputs' shapes broadcast to the output's as in numpy: aligned at their last axes,
 * sizes are equal or 1. A symbolic size meets only the same size or 1.
 */
export const map: Op<MapAttributes> = {
  name: 'map',
  operands: ['x', '*'],
  infer(inputs, { expression, dtype = 'f32' }) {
    check(inputs.length > 0, 'map', 'operand x is missing')
    check(MAP_TYPES.includes(dtype), 'map', `the result cannot be ${dtype}`)
    let shape: readonly Dim[] = []
    for (const [i, input] of inputs.entries()) {
      check(input !== undefined && MAP_TYPES.includes(input.dtype), 'map', `input ${i} is ${input ? `of type ${input.dtype}` : 'missing'}`)
      shape = broadcast(shape, input.shape, i)
    }
    check(shape.length <= MAX_MAP_AXES, 'map', `${shape.length} axes are more than ${MAX_MAP_AXES}`)
    check(largestInput(expression) < inputs.length, 'map', 'the expression names an input that is not there')
    return [{ dtype, shape }]
  },
  run({ inputs, outputs: [output], attributes: { expression } }) {
    const values = new Array<number>(inputs.length).fill(0)
    const evaluate = compile(expression)
    const { shape, data: y } = output!
    const strides = inputs.map(input => broadcastStrides(input!.shape, shape))
    const isWide = output!.dtype === 'i64'
    const isWhole = output!.dtype !== 'f32'
    const count = y.length
    for (let i = 0; i < count; i++) {
      for (const [n, input] of inputs.entries()) {
        let at = 0
        for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
          at += (rest % shape[axis]!) * strides[n]![axis]!
          rest = Math.floor(rest / shape[axis]!)
        }
        values[n] = Number(input!.data[at])
      }
      const value = isWhole ? Math.trunc(evaluate(values)) : evaluate(values)
      y[i] = isWide ? BigInt(value) : value
    }
  },
}

function broadcast(a: readonly Dim[], b: readonly Dim[], input: number): readonly Dim[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1
    const y = b[axis - rank + b.length] ?? 1
    check(x === 1 || y === 1 || sameDim(x, y), 'map', `input ${input} of shape ${formatShape(b)} does not broadcast with ${formatShape(a)}`)
    return x === 1 ? y : x
  })
}

/** Strides of a tensor walked in a shape it broadcasts to. */
function broadcastStrides(shape: readonly number[], to: readonly number[]): readonly number[] {
  const strides = denseStrides(shape) as readonly number[]
  const added = to.length - shape.length
  return to.map((_, axis) => (axis < added || shape[axis - added] === 1 ? 0 : strides[axis - added]!))
}

function largestInput(tree: MapExpression): number {
  if ('input' in tree) return tree.input
  if ('constant' in tree) return -1
  return Math.max(...tree.slice(1).map(branch => largestInput(branch as MapExpression)))
}

function compile(tree: MapExpression): (values: readonly number[]) => number {
  if ('input' in tree) return values => values[tree.input]!
  if ('constant' in tree) return () => tree.constant
  const a = compile(tree[1])
  if (tree.length === 2) {
    const f = UNARY[tree[0]]
    return values => f(a(values))
  }
  const b = compile(tree[2])
  if (tree.length === 4) {
    const c = compile(tree[3])
    return values => (a(values) !== 0 ? b(values) : c(values))
  }
  const f = BINARY[tree[0]]
  return values => f(a(values), b(values))
}
