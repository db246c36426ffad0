import { type GraphTensor, type MapValue, type Operator, type OperatorCall, tensorInput, type Value } from '../../operator.ts'
import { numbersOf, outputTensor } from '../support/index.ts'
import { checkGraph, isTensor, kindOf, sequenceOf } from '../support/values.ts'
import { readClassLabels } from './class-labels.ts'
import { featureShape } from './feature-rows.ts'

const MAX_SPARSE = 2 ** 27

/** A map for each row: the label of each column with the value there. */
const zipMap: Operator = {
  domain: 'ai.onnx.ml',
  name: 'ZipMap',
  run: call => {
    const labels = readClassLabels(call, 'classlabels_int64s')
    const { rows, columns } = featureShape(call)
    checkGraph(columns === labels.length, call, `${columns} columns for ${labels.length} labels`, { columns })
    const values = numbersOf(call, tensorInput(call, 0))
    const items = Array.from({ length: rows }, (_, row): MapValue => {
      const entries = new Map<string | bigint, number>()
      for (const [at, label] of labels.entries()) entries.set(label, values[row * columns + at]!)
      return { kind: 'map', entries }
    })
    return [sequenceOf(items)]
  },
}

/** The maps of an operand: one, or a list of them. */
function mapsOf(call: OperatorCall): readonly MapValue[] {
  const value = call.inputs[0]
  const list: readonly (Value | undefined)[] = value !== undefined && !isTensor(value) && value.kind === 'sequence' ? value.items : [value]
  return list.map(item => {
    checkGraph(
      item !== undefined && !isTensor(item) && item.kind === 'map',
      call,
      `input 0 must hold maps, holds ${item ? kindOf(item) : 'nothing'}`,
    )
    return item
  })
}

type Scalar = string | number | bigint

function scalarOf(call: OperatorCall, value: Value | Scalar): Scalar {
  if (typeof value !== 'object') return value
  const isScalar = isTensor(value) && value.data.length === 1
  checkGraph(isScalar, call, 'a map must hold single values')
  return value.data[0]!
}

/** Rows of values in the order of a vocabulary; zeros or empty strings for keys a map lacks. */
const dictVectorizer: Operator = {
  domain: 'ai.onnx.ml',
  name: 'DictVectorizer',
  run: call => {
    const vocabulary = readClassLabels(call, 'int64_vocabulary', 'string_vocabulary')
    const rows = mapsOf(call).map(({ entries }) =>
      Array.from<string | bigint, Scalar | undefined>(vocabulary, key => {
        const value = entries.get(key)
        return value === undefined ? undefined : scalarOf(call, value)
      }),
    )
    return [scalarTensor(call, [rows.length, vocabulary.length], rows.flat())]
  },
}

/** A tensor of the type the given scalars have; f32 for numbers. */
function scalarTensor(call: OperatorCall, shape: readonly number[], values: readonly (Scalar | undefined)[]): GraphTensor {
  const sample = values.find(value => value !== undefined)
  const dtype = typeof sample === 'string' ? 'string' : typeof sample === 'bigint' ? 'i64' : 'f32'
  const output = outputTensor(call, dtype, shape)
  const data = output.data as { [index: number]: Scalar }
  for (const [at, value] of values.entries()) {
    if (value === undefined) continue
    checkGraph(typeof value === typeof sample, call, `a map holds both ${typeof sample} and ${typeof value}`)
    data[at] = value
  }
  return output
}

const CASTS: Readonly<Record<string, 'f32' | 'string' | 'i64'>> = { TO_FLOAT: 'f32', TO_STRING: 'string', TO_INT64: 'i64' }

/** The values of a map by ascending key, one row; or at the position their key says. */
const castMap: Operator = {
  domain: 'ai.onnx.ml',
  name: 'CastMap',
  run: call => {
    const { attributes } = call
    const target = attributes.string('cast_to', 'TO_FLOAT')
    const dtype = CASTS[target]
    checkGraph(dtype !== undefined, call, `cast_to "${target}" is unknown`, { target })
    const form = attributes.string('map_form', 'DENSE')
    checkGraph(form === 'DENSE' || form === 'SPARSE', call, `map_form "${form}" is unknown`, { form })
    const maps = mapsOf(call)
    checkGraph(maps.length === 1, call, `one map is needed, there are ${maps.length}`)
    const entries = [...maps[0]!.entries].map(([key, value]) => [Number(key), cast(call, scalarOf(call, value), dtype)] as const)
    entries.sort(([a], [b]) => a - b)
    const size = form === 'DENSE' ? entries.length : attributes.int('max_map', 1)
    checkGraph(size >= 0 && size <= MAX_SPARSE, call, `max_map is ${size}`, { size })
    const output = outputTensor(call, dtype, [1, size])
    const data = output.data as { [index: number]: Scalar }
    for (const [at, [key, value]] of entries.entries()) {
      checkGraph(form === 'DENSE' || (key >= 0 && key < size), call, `the key ${key} is outside 0 to ${size - 1}`, { key })
      data[form === 'DENSE' ? at : key] = value
    }
    return [output]
  },
}

function cast(call: OperatorCall, value: Scalar, dtype: 'f32' | 'string' | 'i64'): Scalar {
  if (dtype === 'string') return typeof value === 'number' ? value.toFixed(6) : String(value)
  const number = Number(value)
  checkGraph(!Number.isNaN(number) || typeof value === 'number', call, `"${value}" is no number`)
  return dtype === 'f32' ? number : BigInt(Math.trunc(number))
}

/** Maps from and to tensors. */
export const mapOperators: readonly Operator[] = [zipMap, dictVectorizer, castMap]
