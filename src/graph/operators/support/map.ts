import type { ElementType } from '../../../core/index.ts'
import { type GraphTensor, type OperatorCall, unsupportedVariant } from '../../operator.ts'
import {
  isWide,
  type NumberArray,
  numberView,
  resultNumbers,
  tensorFromNumbers,
  type WideInteger,
  type WideTensor,
  wideTensor,
} from './numbers.ts'
import { checkedCount } from './output.ts'
import { forEachRow } from './rows.ts'
import { broadcastShapes, broadcastStrides, stridesOf } from './shapes.ts'

/** A function of one element in both arithmetics; without `wide`, 64-bit integers go through doubles. */
export interface UnaryFunction {
  readonly number: (x: number) => number
  readonly wide?: ((x: bigint) => bigint) | undefined
}

/** Applies a function to every element; the result has the element type of the input unless `dtype` says otherwise. */
export function mapElements(call: OperatorCall, input: GraphTensor, f: UnaryFunction, dtype: ElementType = input.dtype): GraphTensor {
  const { wide, number } = f
  if (wide && isWide(input) && dtype === input.dtype) {
    const output = wideTensor(call, input.dtype, input.shape)
    for (let index = 0; index < input.data.length; index++) output.data[index] = wide(input.data[index]!)
    return output
  }
  const values = numberView(call, input)
  const results = resultNumbers(call, dtype, values.length)
  for (let index = 0; index < values.length; index++) results[index] = number(values[index]!)
  return tensorFromNumbers(call, dtype, input.shape, results)
}

/** Numbers with their shape. */
export interface NumberOperand {
  readonly shape: readonly number[]
  readonly values: NumberArray
}

/** Applies `f` to pairs of elements of two broadcast operands; the results are to become elements of `dtype`. */
export function mapNumberPairs(
  call: OperatorCall,
  a: NumberOperand,
  b: NumberOperand,
  shape: readonly number[],
  f: (x: number, y: number) => number,
  dtype: ElementType = 'f64',
): NumberArray {
  const output = resultNumbers(call, dtype, checkedCount(call, shape))
  pairRows<number>(a, b, shape, output, f)
  return output
}

/** {@link mapNumberPairs} for 64-bit integers, into an array of the caller's; results are wrapped to 64 bits. */
export function mapWidePairs(
  a: WideTensor,
  b: WideTensor,
  shape: readonly number[],
  output: { [index: number]: bigint },
  f: (x: bigint, y: bigint) => bigint,
): void {
  pairRows<bigint>({ shape: a.shape, values: a.data }, { shape: b.shape, values: b.data }, shape, output, f)
}

interface Operand<T> {
  readonly shape: readonly number[]
  readonly values: { readonly [index: number]: T }
}

function pairRows<T>(a: Operand<T>, b: Operand<T>, shape: readonly number[], output: { [index: number]: T }, f: (x: T, y: T) => T): void {
  const strides = [broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape), stridesOf(shape)]
  forEachRow(shape, strides, (offsets, length, steps) =>
    pairRow(a.values, offsets[0]!, steps[0]!, b.values, offsets[1]!, steps[1]!, output, offsets[2]!, length, f),
  )
}

/** One row; a function of its own so that it compiles to a tight loop. */
function pairRow<T>(
  a: { readonly [index: number]: T },
  aStart: number,
  aStep: number,
  b: { readonly [index: number]: T },
  bStart: number,
  bStep: number,
  output: { [index: number]: T },
  start: number,
  length: number,
  f: (x: T, y: T) => T,
): void {
  let left = aStart
  let right = bStart
  for (let index = 0; index < length; index++) {
    output[start + index] = f(a[left]!, b[right]!)
    left += aStep
    right += bStep
  }
}

/** A function of two elements; `dword` replaces `number` for 32-bit integers, whose products doubles do not hold. */
export interface BinaryFunction {
  readonly number: (x: number, y: number) => number
  readonly dword?: (x: number, y: number) => number
  readonly wide?: (x: bigint, y: bigint) => bigint
}

/** Applies a function to two broadcast operands of one element type. @throws HenceError `SHAPE_MISMATCH`, `OPERATOR_UNSUPPORTED` */
export function mapPairs(call: OperatorCall, a: GraphTensor, b: GraphTensor, f: BinaryFunction): GraphTensor {
  checkSameType(call, a, b)
  const shape = broadcastShapes(call, a.shape, b.shape)
  if (isWide(a) && isWide(b)) {
    if (!f.wide) throw unsupportedVariant(call, `element type ${a.dtype}`)
    const output = wideTensor(call, a.dtype as WideInteger, shape)
    mapWidePairs(a, b, shape, output.data, f.wide)
    return output
  }
  const apply = (a.dtype === 'i32' || a.dtype === 'u32' ? f.dword : undefined) ?? f.number
  const left = { shape: a.shape, values: numberView(call, a) }
  const right = { shape: b.shape, values: numberView(call, b) }
  return tensorFromNumbers(call, a.dtype, shape, mapNumberPairs(call, left, right, shape, apply, a.dtype))
}

/** Throws `OPERATOR_UNSUPPORTED` unless the operands share their element type. */
export function checkSameType(call: OperatorCall, ...operands: readonly GraphTensor[]): void {
  const first = operands[0]!.dtype
  for (const { dtype } of operands) if (dtype !== first) throw unsupportedVariant(call, `mixing element types ${first} and ${dtype}`)
}
