import { elementCount } from '../../core/index.ts'
import type { Buffer } from '../../program/index.ts'
import type { GraphTensor } from '../operator.ts'
import { fusedActivation } from './activation.ts'
import type { Lowering, LoweringContext } from './context.ts'
import { filtersLast, planConvolution } from './plan-convolution.ts'
import { productShape } from './products.ts'
import { type CodeType, isCode } from './quantisation.ts'
import { storedBytes } from './stored-tensor.ts'

/** Positions of the operands of `hence.QuantisedLinear` and `hence.QuantisedConv`. */
const [X, WEIGHT, BIAS, RESIDUAL, X_SCALE, X_ZERO, WEIGHT_SCALE, WEIGHT_ZERO] = [0, 1, 2, 3, 4, 5, 6, 7] as const

/** What both kinds of product are made of, but for the weight. */
interface Operands {
  readonly codes: GraphTensor & { readonly dtype: CodeType }
  readonly xScale: Buffer
  readonly xZero: Buffer | undefined
  readonly scale: Buffer
  readonly zero: Buffer | undefined
  readonly bias: Buffer | undefined
}

/** The operands for `n` outputs; undefined where the instruction has no place for one as it is. Emits nothing then. */
function operandsOf(context: LoweringContext, n: number): Operands | undefined {
  const codes = context.known(WEIGHT)
  const grids = [X_SCALE, X_ZERO, WEIGHT_SCALE, WEIGHT_ZERO]
  const isGrid = (position: number): boolean => {
    const type = context.type(position)
    if (!type) return !context.has(position) && position !== X_SCALE && position !== WEIGHT_SCALE
    const count = elementCount(type.shape)
    const isOfX = position === X_SCALE || position === X_ZERO
    const fits = count === 1 || (!isOfX && count === n && type.shape.length === 1)
    const isScale = position === X_SCALE || position === WEIGHT_SCALE
    return fits && (isScale ? type.dtype === 'f32' : isCode(type.dtype)) && (isOfX || context.known(position) !== undefined)
  }
  if (!codes || !isCode(codes.dtype) || !isCode(context.type(X)?.dtype) || !grids.every(isGrid)) return undefined
  const bias = context.has(BIAS) ? context.known(BIAS) : undefined
  if (context.has(BIAS) && (bias?.dtype !== 'f32' || elementCount(bias.shape) !== n)) return undefined
  const zero = (position: number): Buffer | undefined => {
    const isNone = !context.has(position) || (context.known(position)?.data as Int8Array | undefined)?.every(code => code === 0)
    return isNone ? undefined : context.numbers(position)
  }
  return {
    codes: codes as Operands['codes'],
    xScale: context.numbers(X_SCALE),
    xZero: zero(X_ZERO),
    scale: context.numbers(WEIGHT_SCALE),
    zero: zero(WEIGHT_ZERO),
    bias: bias && context.segment.constant(context.key(BIAS), bias, 'f32', [n]),
  }
}

function finishOf({ attributes }: LoweringContext) {
  return {
    activation: fusedActivation(attributes),
    residual: attributes.int('residual_first', 0) === 1 ? 'before_activation' : 'after_activation',
  } as const
}

/** Codes as the backend reads weights: as they are, transposed, or in another order. */
function storedCodes(
  context: LoweringContext,
  how: string,
  { dtype, data }: Operands['codes'],
  shape: readonly number[],
  { transpose = false, order = codes => codes }: { transpose?: boolean; order?: (codes: Int8Array) => Int8Array } = {},
): Buffer {
  const stored = transpose ? [...shape].reverse() : shape
  const key = `${context.key(WEIGHT)} as ${how}[${stored.join()}]`
  const { buffer, byteOffset, byteLength } = data as Int8Array
  const make = (): Int8Array => order(new Int8Array(buffer, byteOffset, byteLength))
  return context.segment.weight(key, shape, () => storedBytes(key, dtype, stored, make), transpose)
}

/** x `[.., K]` times known codes, `[K, N]` or `[N, K]`. */
const linear: Lowering = context => {
  const [x, weight] = [context.type(X), context.type(WEIGHT)]
  if (!x || weight?.shape.length !== 2 || x.shape.length === 0) return false
  const isTransposed = context.attributes.int('transB', 0) === 1
  const [n, k] = (isTransposed ? weight.shape : [...weight.shape].reverse()) as [number, number]
  if (x.shape.at(-1) !== k || elementCount(x.shape) === 0 || n === 0) return false
  const shape = productShape(context, n)
  const residualType = context.type(RESIDUAL)
  if (residualType && (residualType.shape.join() !== shape.join() || !context.isFloat(RESIDUAL))) return false
  const operands = operandsOf(context, n)
  if (!operands) return false
  const rows = elementCount(x.shape) / k
  const { codes, xScale, xZero, scale, zero, bias } = operands
  const rowsOfOutputs = storedCodes(context, 'rows', codes, [n, k], { transpose: !isTransposed })
  const residual = residualType && context.plainAs(RESIDUAL, [rows, n])
  const y = context.segment.emit(
    'quantised_matmul',
    context.node.name,
    [context.plainAs(X, [rows, k]), xScale, xZero, rowsOfOutputs, scale, zero, bias, residual],
    { ...finishOf(context), weightType: codes.dtype },
  )
  return context.define(context.segment.builder.view(y, shape), shape, 'plain', 0, 'f32')
}

const convolution: Lowering = context => {
  const plan = planConvolution(context)
  const operands = plan && operandsOf(context, plan.n)
  if (!plan || !operands) return false
  const { codes, xScale, xZero, scale, zero, bias } = operands
  const { n, depth, window, groups } = plan
  const filters = storedCodes(context, 'filters', codes, [n, ...window.kernel, depth], { order: from => filtersLast(from, n, depth) })
  const y = context.segment.emit(
    'quantised_conv',
    context.node.name,
    [plan.input(), xScale, xZero, filters, scale, zero, bias, plan.residual()],
    { strides: window.strides, pads: window.pads, dilations: window.dilations, groups, ...finishOf(context), weightType: codes.dtype },
  )
  return plan.define(y)
}

/** Products of 8-bit codes by operator name. */
export const QUANTISED_PRODUCTS: Readonly<Record<string, Lowering>> = {
  'hence.QuantisedLinear': linear,
  'hence.QuantisedConv': convolution,
}
