import { type ElementType, elementCount } from '../../../core/index.ts'
import { type GraphTensor, type Operator, type OperatorCall, tensorInput, unsupportedVariant } from '../../operator.ts'
import { outputTensor } from '../support/index.ts'
import { preparedOnce } from '../support/prepared.ts'
import { checkGraph } from '../support/values.ts'

type Scalar = string | number | bigint

/** Keys and values of one element type each. */
interface Column {
  readonly dtype: ElementType
  readonly values: ArrayLike<Scalar>
}

interface LabelMap {
  readonly keys: ElementType
  readonly values: ElementType
  /** A repeated key takes its last value. Map keys treat NaN as one value and both zeros as one. */
  readonly entries: ReadonlyMap<Scalar, Scalar>
  readonly fallback: Scalar
}

const LIST_TYPES = { strings: 'string', int64s: 'i64', floats: 'f32' } as const

/** The attribute `keys_*` or `values_*` that is given. @throws HenceError `GRAPH_INVALID` when none is */
function columnOf(call: OperatorCall, role: 'keys' | 'values'): Column {
  const { attributes } = call
  for (const list of ['strings', 'int64s', 'floats'] as const) {
    const name = `${role}_${list}`
    if (!attributes.has(name)) continue
    if (list === 'int64s') return { dtype: 'i64', values: attributes.ints(name).map(BigInt) }
    return { dtype: LIST_TYPES[list], values: list === 'strings' ? attributes.strings(name) : attributes.floats(name) }
  }
  checkGraph(attributes.has(`${role}_tensor`), call, `one of the attributes ${role}_* must be given`)
  const { dtype, data } = attributes.tensor(`${role}_tensor`)
  return { dtype, values: scalarsOf(call, dtype, data as ArrayLike<Scalar>) }
}

function scalarsOf(call: OperatorCall, dtype: ElementType, data: ArrayLike<Scalar>): ArrayLike<Scalar> {
  if (!['string', 'i64', 'f32', 'i32', 'i16', 'f64'].includes(dtype)) throw unsupportedVariant(call, `element type ${dtype}`)
  return data
}

function fallbackOf(call: OperatorCall, dtype: ElementType): Scalar {
  const { attributes } = call
  if (attributes.has('default_tensor')) {
    const fallback = attributes.tensor('default_tensor')
    const fits = fallback.dtype === dtype && elementCount(fallback.shape) === 1
    checkGraph(fits, call, `default_tensor must be one ${dtype}, is ${fallback.dtype} of shape [${fallback.shape.join(', ')}]`)
    return (fallback.data as ArrayLike<Scalar>)[0]!
  }
  if (dtype === 'string') return attributes.string('default_string', '_Unused')
  if (dtype === 'i64') return BigInt(attributes.int('default_int64', -1))
  return dtype === 'f32' || dtype === 'f64' ? attributes.float('default_float', -0) : attributes.int('default_int64', -1)
}

const mapOf = preparedOnce((call): LabelMap => {
  const [keys, values] = [columnOf(call, 'keys'), columnOf(call, 'values')]
  const { length } = keys.values
  checkGraph(length === values.values.length, call, `${length} keys for ${values.values.length} values`)
  const entries = new Map<Scalar, Scalar>()
  for (let at = 0; at < length; at++) entries.set(keys.values[at]!, values.values[at]!)
  return { keys: keys.dtype, values: values.dtype, entries, fallback: fallbackOf(call, values.dtype) }
})

/** Version 1: names from the list for numbers, or the other way round. */
const classesOf = preparedOnce(({ attributes }) => {
  const classes = attributes.strings('classes_strings', [])
  return {
    classes,
    positions: new Map(classes.map((name, at) => [name, BigInt(at)])),
    name: attributes.string('default_string', '_Unused'),
    position: BigInt(attributes.int('default_int64', -1)),
  }
})

/** Replaces every element by the value its key has in a table. */
const labelEncoder: Operator = {
  domain: 'ai.onnx.ml',
  name: 'LabelEncoder',
  run: call => {
    const input = tensorInput(call, 0)
    if (call.attributes.has('classes_strings')) return [indexedNames(call, input)]
    const { keys, values, entries, fallback } = mapOf(call)
    checkGraph(input.dtype === keys, call, `the input holds ${input.dtype}, the keys ${keys}`)
    const output = outputTensor(call, values, input.shape)
    const [from, to] = [input.data as ArrayLike<Scalar>, output.data as { [index: number]: Scalar }]
    for (let at = 0; at < from.length; at++) to[at] = entries.get(from[at]!) ?? fallback
    return [output]
  },
}

function indexedNames(call: OperatorCall, input: GraphTensor): GraphTensor {
  const { classes, positions, name, position } = classesOf(call)
  const data = input.data as ArrayLike<Scalar>
  if (input.dtype === 'string') {
    const output = outputTensor(call, 'i64', input.shape)
    for (let at = 0; at < data.length; at++) output.data[at] = positions.get(data[at] as string) ?? position
    return output
  }
  if (input.dtype !== 'i64') throw unsupportedVariant(call, `element type ${input.dtype}`)
  const output = outputTensor(call, 'string', input.shape)
  for (let at = 0; at < data.length; at++) output.data[at] = classes[Number(data[at])] ?? name
  return output
}

/** Tables between labels. */
export const labelEncoderOperators: readonly Operator[] = [labelEncoder]
