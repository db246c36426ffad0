import { type Dim, sameDim } from '../dims.ts'
import { check, f32, type Op, operand } from '../op.ts'
import { ACTIVATIONS, erf } from './activations.ts'

type Unary = 'neg' | 'abs' | 'sqrt' | 'exp' | 'log' | 'tanh' | 'sigmoid' | 'erf' | 'relu' | 'silu' | 'gelu' | 'gelu_tanh'
type Binary = 'add' | 'sub' | 'mul' | 'div' | 'min' | 'max' | 'pow'

/** Functions of one number in a {@link MapExpression}. */
export const UNARY: Readonly<Record<Unary, (x: number) => number>> = {
  neg: x => -x,
  abs: Math.abs,
  sqrt: Math.sqrt,
  exp: Math.exp,
  log: Math.log,
  tanh: Math.tanh,
  sigmoid: ACTIVATIONS.sigmoid,
  erf,
  relu: ACTIVATIONS.relu,
  silu: ACTIVATIONS.silu,
  gelu: ACTIVATIONS.gelu,
  gelu_tanh: ACTIVATIONS.gelu_tanh,
}

/** Functions of two numbers in a {@link MapExpression}. */
export const BINARY: Readonly<Record<Binary, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: Math.min,
  max: Math.max,
  pow: Math.pow,
}

/** A tree over the inputs of a `map`: an input's number, a constant, or a function of sub-trees. */
export type MapExpression =
  | { readonly input: number }
  | { readonly constant: number }
  | readonly [Unary, MapExpression]
  | readonly [Binary, MapExpression, MapExpression]

export interface MapAttributes {
  readonly expression: MapExpression
}

/**
 * A fused elementwise expression. Inputs are f32; the first gives the output's shape, the others have the same shape or
 * a trailing part of it (a row vector, or `[]` for a scalar), which repeats.
 */
export const map: Op<MapAttributes> = {
  name: 'map',
  operands: ['x', '*'],
  infer(inputs, { expression }) {
    const type = operand('map', 'x', inputs[0], 'f32')
    for (const [i, input] of inputs.entries()) {
      const { shape } = operand('map', `input ${i}`, input, 'f32')
      const tail: readonly Dim[] = type.shape.slice(type.shape.length - shape.length)
      check(
        shape.length <= type.shape.length && shape.every((dim, axis) => sameDim(dim, tail[axis]!)),
        'map',
        `input ${i} does not repeat over the first input`,
      )
    }
    check(largestInput(expression) < inputs.length, 'map', 'the expression names an input that is not there')
    return [type]
  },
  run({ inputs, outputs: [output], attributes: { expression } }) {
    const data = inputs.map(f32)
    const y = f32(output)
    const evaluate = compile(expression)
    for (let i = 0; i < y.length; i++) y[i] = evaluate(data, i)
  },
}

function largestInput(tree: MapExpression): number {
  if ('input' in tree) return tree.input
  if ('constant' in tree) return -1
  return Math.max(...tree.slice(1).map(branch => largestInput(branch as MapExpression)))
}

function compile(tree: MapExpression): (data: readonly Float32Array[], i: number) => number {
  if ('input' in tree) return (data, i) => data[tree.input]![i % data[tree.input]!.length]!
  if ('constant' in tree) return () => tree.constant
  const a = compile(tree[1])
  if (tree.length === 2) {
    const f = UNARY[tree[0]]
    return (data, i) => f(a(data, i))
  }
  const b = compile(tree[2])
  const f = BINARY[tree[0]]
  return (data, i) => f(a(data, i), b(data, i))
}
