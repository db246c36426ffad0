import { HenceError, type TensorModel } from '../../core/index.ts'
import { checkOptions, integer, type OptionRule, oneOf } from '../check-options.ts'
import { softmax } from './rows.ts'
import { TextEncoder } from './text-encoder.ts'
import { TEXT_RULES, type TextInput, type TextOptions } from './text-input.ts'

/** How the numbers of classes become scores. */
export type ScoreFunction = 'softmax' | 'sigmoid' | 'none'

/** Options of {@link classifyText}. */
export interface ClassifyTextOptions extends TextOptions {
  /** How many of the likeliest classes are given; all by default. */
  readonly top?: number | undefined
  /**
   * `softmax`: one class is right; `sigmoid`: each may be right by itself; `none`: the numbers as they are. By default as
   * config.json says, `sigmoid` for one class or several at a time.
   */
  readonly scores?: ScoreFunction | undefined
}

/** A class with its score. */
export interface TextClass {
  readonly label: string
  readonly score: number
}

const RULES: Readonly<Record<string, OptionRule>> = {
  ...TEXT_RULES,
  top: integer(1, 2 ** 24),
  scores: oneOf('softmax', 'sigmoid', 'none'),
}

/**
 * Tells which class a text belongs to, the likeliest first; of two texts what they are to each other, as rerankers do.
 *
 * @returns a list for one text, a list of lists for several
 * @throws HenceError `OPTION_INVALID` (a model without such a head), `TOKENIZER_MISSING`, `CONTEXT_OVERFLOW`
 * @example
 * ```ts
 * import { classifyText, load } from 'hence'
 * const model = await load('roberta-sentiment', { kind: 'tensor' })
 * for (const { label, score } of await classifyText(model, 'What a fine day!')) console.log(label, score)
 * ```
 */
export async function classifyText(model: TensorModel, texts: TextInput, options?: ClassifyTextOptions): Promise<TextClass[]>
export async function classifyText(model: TensorModel, texts: readonly TextInput[], options?: ClassifyTextOptions): Promise<TextClass[][]>
export async function classifyText(
  model: TensorModel,
  texts: TextInput | readonly TextInput[],
  options: ClassifyTextOptions = {},
): Promise<TextClass[] | TextClass[][]> {
  checkOptions('classifyText', options, RULES)
  const { top, scores, ...rest } = options
  const encoder = await TextEncoder.of('classifyText', model)
  if (encoder.head?.kind !== 'sequence')
    throw new HenceError('OPTION_INVALID', 'classifyText: the model has no head that classifies texts', {
      head: encoder.head?.kind ?? null,
    })
  const labels = await encoder.files.labels()
  const score = FUNCTIONS[scores ?? (await usualScores(encoder))]
  const list = Array.isArray(texts) ? (texts as readonly TextInput[]) : [texts as TextInput]
  const results = new Array<TextClass[]>(list.length)
  await encoder.each(list, rest, { rows: () => true }, ({ head }, index) => {
    const shares = score(head)
    const order = Array.from(shares.keys()).sort((a, b) => shares[b]! - shares[a]! || a - b)
    results[index] = order.slice(0, top ?? order.length).map(i => ({ label: labels[i] ?? `LABEL_${i}`, score: shares[i]! }))
  })
  return Array.isArray(texts) ? results : results[0]!
}

const FUNCTIONS: Readonly<Record<ScoreFunction, (values: Float32Array) => number[]>> = {
  softmax,
  sigmoid: values => Array.from(values, value => 1 / (1 + Math.exp(-value))),
  none: values => Array.from(values),
}

async function usualScores({ files, headSize }: TextEncoder): Promise<ScoreFunction> {
  const config = (await files.json('config.json')) ?? {}
  const stated = config['function_to_apply']
  if (typeof stated === 'string' && Object.hasOwn(FUNCTIONS, stated)) return stated as ScoreFunction
  return config['problem_type'] === 'multi_label_classification' || headSize === 1 ? 'sigmoid' : 'softmax'
}
