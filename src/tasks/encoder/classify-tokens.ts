import { HenceError, type TensorModel } from '../../core/index.ts'
import { checkOptions, type OptionRule, oneOf } from '../check-options.ts'
import { rowsOf, softmax } from './rows.ts'
import { TextEncoder } from './text-encoder.ts'
import { TEXT_RULES, type TextOptions } from './text-input.ts'
import { type Aggregation, type EntityGroup, groupEntities, type TaggedToken, wordTags } from './token-groups.ts'

/** Options of {@link classifyTokens}. */
export interface ClassifyTokensOptions extends TextOptions {
  /**
   * `none`: every token by itself. The others join neighbours of one class: `simple` token by token; `first`, `average` and
   * `max` give all tokens of a word one class, that of its first token, of the mean, or of the surest. Default `none`.
   */
  readonly aggregation?: Aggregation | undefined
  /** Classes that are left out; `['O']` by default. */
  readonly ignore?: readonly string[] | undefined
}

/** A token with its class. */
export interface TokenClass {
  readonly entity: string
  readonly score: number
  /** Its place among the tokens of the text, special ones counted. */
  readonly index: number
  readonly word: string
  /** Its place in the text: `text.slice(start, end)`. */
  readonly start: number
  readonly end: number
}

const RULES: Readonly<Record<string, OptionRule>> = {
  ...TEXT_RULES,
  aggregation: oneOf('none', 'simple', 'first', 'average', 'max'),
  ignore: value => (Array.isArray(value) && value.every(entry => typeof entry === 'string') ? undefined : 'an array of texts'),
}

/**
 * Tells what the tokens of a text are: names, places, parts of speech.
 *
 * @returns a list for one text, a list of lists for several; of {@link EntityGroup}s with an `aggregation`
 * @throws HenceError `OPTION_INVALID` (a model without such a head), `TOKENIZER_MISSING`, `CONTEXT_OVERFLOW`
 * @example
 * ```ts
 * import { classifyTokens, load } from 'hence'
 * const model = await load('bert-base-NER', { kind: 'tensor' })
 * for (const { entityGroup, word } of await classifyTokens(model, 'Ada lives in London', { aggregation: 'simple' })) console.log(entityGroup, word)
 * ```
 */
export async function classifyTokens(
  model: TensorModel,
  texts: string,
  options: ClassifyTokensOptions & { readonly aggregation: Exclude<Aggregation, 'none'> },
): Promise<EntityGroup[]>
export async function classifyTokens(
  model: TensorModel,
  texts: readonly string[],
  options: ClassifyTokensOptions & { readonly aggregation: Exclude<Aggregation, 'none'> },
): Promise<EntityGroup[][]>
export async function classifyTokens(model: TensorModel, texts: string, options?: ClassifyTokensOptions): Promise<TokenClass[]>
export async function classifyTokens(model: TensorModel, texts: readonly string[], options?: ClassifyTokensOptions): Promise<TokenClass[][]>
export async function classifyTokens(
  model: TensorModel,
  texts: string | readonly string[],
  options: ClassifyTokensOptions = {},
): Promise<TokenClass[] | TokenClass[][] | EntityGroup[] | EntityGroup[][]> {
  checkOptions('classifyTokens', options, RULES)
  const { aggregation = 'none', ignore = ['O'], ...rest } = options
  const encoder = await TextEncoder.of('classifyTokens', model)
  if (encoder.head?.kind !== 'token')
    throw new HenceError('OPTION_INVALID', 'classifyTokens: the model has no head that classifies tokens', {
      head: encoder.head?.kind ?? null,
    })
  const labels = await encoder.files.labels()
  const nameOf = (i: number): string => labels[i] ?? `LABEL_${i}`
  const list = typeof texts === 'string' ? [texts] : texts
  const results = new Array<TokenClass[] | EntityGroup[]>(list.length)
  await encoder.each(list, rest, { rows: () => true }, ({ encoding, head }, index) => {
    const text = list[index]!
    const tokens = rowsOf(head, encoder.headSize).flatMap((row, at): TaggedToken[] => {
      if (encoding.specialMask[at] === 1) return []
      const [start, end] = encoding.offsets[at]!
      const piece = encoder.tokenizer.tokenText(encoding.ids[at]!)
      return [{ index: at, scores: softmax(row), start, end, word: encoding.words[at], piece }]
    })
    if (aggregation === 'none') results[index] = tokens.map(token => tagged(token, nameOf)).filter(({ entity }) => !ignore.includes(entity))
    else {
      const groups = groupEntities(wordTags(tokens, aggregation), nameOf, text)
      results[index] = groups.filter(({ entityGroup }) => !ignore.includes(entityGroup))
    }
  })
  return (typeof texts === 'string' ? results[0]! : results) as TokenClass[]
}

function tagged({ scores, index, piece, start, end }: TaggedToken, nameOf: (label: number) => string): TokenClass {
  const label = scores.indexOf(Math.max(...scores))
  return { entity: nameOf(label), score: scores[label]!, index, word: piece, start, end }
}
