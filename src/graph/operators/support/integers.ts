import { HenceError } from '../../../core/index.ts'
import { checkShape, type GraphTensor, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'

const MAX_LIST = 2 ** 27

/**
 * The elements of an integer tensor as numbers. Values beyond 2⁵³ become the nearest double, which no size and no index
 * reaches; `INT64_MAX` as "the end" keeps its meaning.
 *
 * @throws HenceError `GRAPH_INVALID` for a tensor that does not hold integers
 */
export function integersOf(call: OperatorCall, input: GraphTensor, what: string): number[] {
  const { data } = input
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    checkShape(data.length <= MAX_LIST, call, `${what} has ${data.length} elements`)
    const values = new Array<number>(data.length)
    for (let index = 0; index < data.length; index++) values[index] = Number(data[index]!)
    return values
  }
  switch (input.dtype) {
    case 'i8':
    case 'u8':
    case 'i16':
    case 'u16':
    case 'i32':
    case 'u32':
      return Array.from(data as Int32Array)
  }
  throw new HenceError('GRAPH_INVALID', `${call.node}: ${what} must hold integers, holds ${input.dtype}`, {
    node: call.node,
    dtype: input.dtype,
  })
}

/** The integers of the operand at a position, in order. @throws HenceError `GRAPH_INVALID` */
export function integersInput(call: OperatorCall, position: number, what: string): number[] {
  return integersOf(call, tensorInput(call, position), what)
}

/** {@link integersInput} for an operand that may be left out. */
export function optionalIntegers(call: OperatorCall, position: number, what: string): number[] | undefined {
  const input = optionalTensor(call, position)
  return input && integersOf(call, input, what)
}

/** The single integer of the operand at a position. @throws HenceError `GRAPH_INVALID`, `SHAPE_MISMATCH` */
export function integerInput(call: OperatorCall, position: number, what: string): number {
  const values = integersInput(call, position, what)
  checkShape(values.length === 1, call, `${what} must be one integer, has ${values.length}`, { count: values.length })
  return values[0]!
}

/** Integers that were an attribute in older versions and are an input now; `undefined` when neither is given. */
export function integersFromInputOrAttribute(call: OperatorCall, position: number, name: string): number[] | undefined {
  if (call.inputs[position] !== undefined) return integersInput(call, position, name)
  return call.attributes.has(name) ? [...call.attributes.ints(name)] : undefined
}

/**
 * Indices into an axis of `size`, negative ones counted from its end.
 *
 * @throws HenceError `SHAPE_MISMATCH` naming the first index outside -size..size-1
 */
export function indicesInto(call: OperatorCall, input: GraphTensor, size: number, what = 'index'): number[] {
  const values = integersOf(call, input, what)
  for (let position = 0; position < values.length; position++) values[position] = indexInto(call, values[position]!, size, what)
  return values
}

/** One index into an axis of `size`, counted from its start. @throws HenceError `SHAPE_MISMATCH` */
export function indexInto(call: OperatorCall, index: number, size: number, what = 'index'): number {
  if (index >= -size && index < size) return index < 0 ? index + size : index
  throw new HenceError('SHAPE_MISMATCH', `${call.node}: ${what} ${index} is outside an axis of size ${size}`, {
    node: call.node,
    index,
    size,
  })
}
