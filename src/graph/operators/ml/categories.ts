import { checkShape, type Operator, tensorInput, unsupportedVariant } from '../../operator.ts'
import { outputTensor } from '../support/index.ts'
import { preparedOnce } from '../support/prepared.ts'
import { checkGraph } from '../support/values.ts'

const tableOf = preparedOnce(call => {
  const { attributes } = call
  const [texts, integers] = [attributes.strings('cats_strings', []), attributes.ints('cats_int64s', []).map(BigInt)]
  checkGraph(texts.length === integers.length, call, `${texts.length} strings for ${integers.length} integers`)
  return {
    toInteger: new Map(texts.map((text, at) => [text, integers[at]!])),
    toText: new Map(integers.map((integer, at) => [integer, texts[at]!])),
  }
})

/** From strings to integers or the other way round, by a table. */
const categoryMapper: Operator = {
  domain: 'ai.onnx.ml',
  name: 'CategoryMapper',
  run: call => {
    const input = tensorInput(call, 0)
    const { toInteger, toText } = tableOf(call)
    if (input.dtype === 'string') {
      const fallback = BigInt(call.attributes.int('default_int64', -1))
      const output = outputTensor(call, 'i64', input.shape)
      for (const [at, text] of (input.data as string[]).entries()) output.data[at] = toInteger.get(text) ?? fallback
      return [output]
    }
    if (input.dtype !== 'i64') throw unsupportedVariant(call, `element type ${input.dtype}`)
    const fallback = call.attributes.string('default_string', '_Unused')
    const output = outputTensor(call, 'string', input.shape)
    for (const [at, integer] of (input.data as BigInt64Array).entries()) output.data[at] = toText.get(integer) ?? fallback
    return [output]
  },
}

const positionsOf = preparedOnce(({ attributes }) => {
  const texts = attributes.strings('cats_strings', [])
  const categories: readonly (string | number)[] = texts.length > 0 ? texts : attributes.ints('cats_int64s', [])
  return { count: categories.length, positions: new Map(categories.map((category, at) => [category, at])) }
})

/** A row of zeros with a one at the position of the category, for every element. */
const oneHotEncoder: Operator = {
  domain: 'ai.onnx.ml',
  name: 'OneHotEncoder',
  run: call => {
    const input = tensorInput(call, 0)
    const { count, positions } = positionsOf(call)
    checkGraph(count > 0, call, 'there are no categories')
    const allowsUnknown = call.attributes.int('zeros', 1) !== 0
    const output = outputTensor(call, 'f32', [...input.shape, count])
    const data = input.data as ArrayLike<string | number | bigint>
    for (let at = 0; at < data.length; at++) {
      const value = data[at]!
      const position = positions.get(typeof value === 'string' ? value : Math.trunc(Number(value)))
      if (position !== undefined) output.data[at * count + position] = 1
      else checkShape(allowsUnknown, call, `the category ${String(value)} is unknown`, { category: String(value) })
    }
    return [output]
  },
}

/** Operators on categories. */
export const categoryOperators: readonly Operator[] = [categoryMapper, oneHotEncoder]
