import type { Tensor } from '../../../core/index.ts'
import { checkShape, type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import { checkGraph } from '../support/values.ts'

/** A string operand. @throws HenceError `GRAPH_INVALID` */
export function stringInput(call: OperatorCall, position: number): Tensor<'string'> {
  const input = tensorInput(call, position)
  checkGraph(isStrings(input), call, `input ${position} must hold strings, holds ${input.dtype}`)
  return input
}

/** True for a tensor of strings. */
export function isStrings(input: GraphTensor): input is Tensor<'string'> {
  return input.dtype === 'string'
}

/** Drops stop words and changes the case of a row of strings. */
const stringNormalizer: Operator = {
  domain: '',
  name: 'StringNormalizer',
  run: call => {
    const input = stringInput(call, 0)
    const { shape } = input
    const isRow = shape.length === 1 || (shape.length === 2 && shape[0] === 1)
    checkShape(isRow, call, `strings must have the shape [C] or [1, C], have [${shape.join(', ')}]`, { shape })
    const { attributes } = call
    const language = languageOf(attributes.string('locale', ''))
    const lower = (text: string): string => text.toLocaleLowerCase(language)
    const key = attributes.int('is_case_sensitive', 0) === 0 ? lower : (text: string): string => text
    const stopwords = new Set(attributes.strings('stopwords', []).map(key))
    const change = changeCase(call, attributes.string('case_change_action', 'NONE'), language)
    const kept = input.data.filter(text => !stopwords.has(key(text))).map(change)
    const data = kept.length > 0 ? kept : ['']
    return [{ dtype: 'string', shape: shape.length === 1 ? [data.length] : [1, data.length], data }]
  },
}

function changeCase(call: OperatorCall, action: string, language: string | undefined): (text: string) => string {
  if (action === 'LOWER') return text => text.toLocaleLowerCase(language)
  if (action === 'UPPER') return text => text.toLocaleUpperCase(language)
  checkGraph(action === 'NONE', call, `case_change_action must be LOWER, UPPER or NONE, is "${action}"`, { action })
  return text => text
}

/** The language of a POSIX locale (`tr_TR.UTF-8`), `undefined` for one that names none. */
function languageOf(locale: string): string | undefined {
  const tag = locale.split(/[.@]/, 1)[0]!.replaceAll('_', '-')
  try {
    return Intl.getCanonicalLocales(tag)[0]
  } catch {
    return undefined
  }
}

/** Cleaning of text. */
export const stringNormalizerOperators: readonly Operator[] = [stringNormalizer]
