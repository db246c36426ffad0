import { type Buffer, type Dim, type MapAttributes, type MapExpression, productDim } from '../../program/index.ts'
import type { Encoder } from './encoder.ts'

/** The order of the enum MapOp in native/kernels.h. */
const MAP_OPS = [
  'input constant where add sub mul div min max pow fmod less less_equal equal',
  'neg abs sqrt exp log tanh sigmoid erf floor ceil round sign reciprocal expm1 softplus',
  'sin cos tan asin acos atan sinh cosh asinh acosh atanh relu silu gelu gelu_tanh',
]
  .join(' ')
  .split(' ')
/** Comparisons that native code knows with their operands exchanged only. */
const EXCHANGED: Readonly<Record<string, string>> = { greater: 'less', greater_equal: 'less_equal' }
const ELEMENT_TYPES: Readonly<Record<string, number>> = { f32: 0, i32: 1, u8: 2, bool: 2, i64: 3, i8: 4 }
const MAX_INPUTS = 8
const MAX_DEPTH = 8

/** True when the kernel can hold the expression's operands and intermediate results. */
export function hasMapKernel(inputCount: number, { expression }: MapAttributes): boolean {
  return inputCount <= MAX_INPUTS && depth(expression) <= MAX_DEPTH
}

/** Operand words: y and its type, lengths, each input with its type and the axes it has, the axes, the code. */
export function encodeMap(inputs: readonly Buffer[], output: Buffer, { expression }: MapAttributes, encoder: Encoder): readonly number[] {
  const { sizes, masks } = mergedAxes(
    inputs.map(({ shape }) => shape),
    output.shape,
  )
  const code: number[] = []
  encodeExpression(expression, code, encoder)
  return [
    output.id,
    ELEMENT_TYPES[output.dtype]!,
    code.length,
    sizes.length,
    inputs.length,
    ...inputs.flatMap(({ id, dtype }, i) => [id, ELEMENT_TYPES[dtype]!, masks[i]!]),
    ...sizes.map(size => encoder.dim(size)),
    ...code,
  ]
}

/** The fewest axes that describe how inputs repeat over an output, and per input a mask of those it has. */
export function mergedAxes(
  shapes: readonly (readonly Dim[])[],
  shape: readonly Dim[],
): { sizes: readonly Dim[]; masks: readonly number[] } {
  const axes: { size: Dim; has: string }[] = []
  for (const [axis, size] of shape.entries()) {
    if (size === 1) continue
    const has = shapes.map(input => Number((input[axis - shape.length + input.length] ?? 1) !== 1)).join('')
    const last = axes.at(-1)
    if (last?.has === has) last.size = productDim(last.size, size)
    else axes.push({ size, has })
  }
  return {
    sizes: axes.map(({ size }) => size),
    masks: shapes.map((_, i) => axes.reduce((mask, { has }, axis) => mask | (Number(has[i]) << axis), 0)),
  }
}

/** Postfix code: operands first, then the function. */
function encodeExpression(tree: MapExpression, code: number[], encoder: Encoder): void {
  if ('input' in tree) code.push(MAP_OPS.indexOf('input') | (tree.input << 8))
  else if ('constant' in tree) code.push(MAP_OPS.indexOf('constant') | (encoder.float(tree.constant) << 8))
  else {
    const branches = tree.slice(1) as MapExpression[]
    const exchanged = EXCHANGED[tree[0]]
    for (const branch of exchanged ? branches.reverse() : branches) encodeExpression(branch, code, encoder)
    code.push(MAP_OPS.indexOf(exchanged ?? tree[0]))
  }
}

/** Largest number of values on the stack while the expression is computed. */
function depth(tree: MapExpression): number {
  if ('input' in tree || 'constant' in tree) return 1
  const branches = tree.slice(1) as MapExpression[]
  if (tree[0] in EXCHANGED) branches.reverse()
  return Math.max(...branches.map((branch, i) => i + depth(branch)))
}
