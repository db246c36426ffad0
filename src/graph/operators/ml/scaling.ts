import { type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import { isWide, numbersOf, outputTensor, tensorFromNumbers } from '../support/index.ts'
import { checkGraph } from '../support/values.ts'

/** Subtracts an offset and multiplies by a scale, one for all features or one for each. */
const scaler: Operator = {
  domain: 'ai.onnx.ml',
  name: 'Scaler',
  run: call => {
    const input = tensorInput(call, 0)
    const columns = input.shape.at(-1) ?? 1
    const offset = perFeature(call, 'offset', columns)
    const scale = perFeature(call, 'scale', columns)
    const values = numbersOf(call, input)
    for (let at = 0; at < values.length; at++) values[at] = (values[at]! - offset(at)) * scale(at)
    return [tensorFromNumbers(call, 'f32', input.shape, values)]
  },
}

/** The entry of an attribute for the feature of an element. */
function perFeature(call: OperatorCall, name: string, columns: number): (element: number) => number {
  const values = Float64Array.from(call.attributes.floats(name))
  const { length } = values
  checkGraph(length === 1 || length === columns, call, `${name} has ${length} entries for ${columns} features`, { length, columns })
  return length === 1 ? () => values[0]! : element => values[element % columns]!
}

/** Divides each row by its norm; rows whose norm is zero stay. */
const normalizer: Operator = {
  domain: 'ai.onnx.ml',
  name: 'Normalizer',
  run: call => {
    const input = tensorInput(call, 0)
    const columns = input.shape.at(-1) ?? 1
    const name = call.attributes.string('norm', 'MAX')
    const norm = NORMS[name]
    checkGraph(norm !== undefined, call, `norm "${name}" is unknown`, { name })
    const values = numbersOf(call, input)
    for (let start = 0; start < values.length; start += columns) {
      const row = values.subarray(start, start + columns)
      const divisor = norm(row)
      if (divisor !== 0) for (let at = 0; at < columns; at++) row[at]! /= divisor
    }
    return [tensorFromNumbers(call, 'f32', input.shape, values)]
  },
}

const NORMS: Readonly<Record<string, (row: Float64Array) => number>> = {
  // The specification divides by the greatest value, not by the greatest magnitude.
  MAX: row => row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY),
  L1: row => row.reduce((sum, value) => sum + Math.abs(value), 0),
  L2: row => Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)),
}

/** 1 where a value is above the threshold, 0 elsewhere. */
const binarizer: Operator = {
  domain: 'ai.onnx.ml',
  name: 'Binarizer',
  run: call => {
    const input = tensorInput(call, 0)
    const threshold = call.attributes.float('threshold', 0)
    const values = numbersOf(call, input)
    for (let at = 0; at < values.length; at++) values[at] = values[at]! > threshold ? 1 : 0
    return [tensorFromNumbers(call, input.dtype, input.shape, values)]
  },
}

/** Puts given values, one for all features or one for each, in the place of one that stands for "missing". */
const imputer: Operator = {
  domain: 'ai.onnx.ml',
  name: 'Imputer',
  run: call => {
    const input = tensorInput(call, 0)
    const { attributes } = call
    const columns = input.shape.at(-1) ?? 1
    const floats = attributes.floats('imputed_value_floats', [])
    const imputed = floats.length > 0 ? floats : attributes.ints('imputed_value_int64s', [])
    const { length } = imputed
    checkGraph(length === 1 || length === columns, call, `${length} imputed values for ${columns} features`, { length, columns })
    const replaced = floats.length > 0 ? attributes.float('replaced_value_float', 0) : attributes.int('replaced_value_int64', 0)
    const chosen = (at: number): number => imputed[length === 1 ? 0 : at % columns]!
    return [isWide(input) ? imputedWide(call, input, replaced, chosen) : imputedNumbers(call, input, replaced, chosen)]
  },
}

function imputedNumbers(call: OperatorCall, input: GraphTensor, replaced: number, chosen: (at: number) => number): GraphTensor {
  const values = numbersOf(call, input)
  const isMissing = Number.isNaN(replaced) ? Number.isNaN : (value: number): boolean => value === replaced
  for (let at = 0; at < values.length; at++) if (isMissing(values[at]!)) values[at] = chosen(at)
  return tensorFromNumbers(call, input.dtype, input.shape, values)
}

function imputedWide(call: OperatorCall, input: GraphTensor, replaced: number, chosen: (at: number) => number): GraphTensor {
  checkGraph(Number.isInteger(replaced), call, `${replaced} is no value of ${input.dtype}`)
  const output = outputTensor(call, input.dtype as 'i64', input.shape)
  const missing = BigInt(replaced)
  for (const [at, value] of (input.data as BigInt64Array).entries())
    output.data[at] = value === missing ? BigInt(Math.trunc(chosen(at))) : value
  return output
}

/** Element by element preparation of features. */
export const scalingOperators: readonly Operator[] = [scaler, normalizer, binarizer, imputer]
