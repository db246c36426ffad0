import { type GenerateOptions, HenceError, type LanguageModel } from '../../core/index.ts'
import { checkOptions, text as textRule } from '../check-options.ts'
import { SEQ2SEQ_RULES, seq2seqOf } from './seq2seq-model.ts'

/** Options of {@link translate}: those of `generate`, and the languages of models that know several. */
export interface TranslateOptions extends GenerateOptions {
  /** Code of the language of the texts, such as `en`; models made for one pair need none. */
  readonly from?: string | undefined
  /** Code of the language to translate into. */
  readonly to?: string | undefined
}

/** A translation, spelled as transformers.js spells it. */
export interface Translation {
  readonly translation_text: string
}

/** A summary, spelled as transformers.js spells it. */
export interface Summary {
  readonly summary_text: string
}

/**
 * Translates texts with an encoder–decoder: Marian, T5. What goes in front of the texts and how the model searches comes from its files.
 *
 * @returns a translation for each text
 * @throws HenceError `OPTION_INVALID`, `CONTEXT_OVERFLOW`, `TOKENIZER_MISSING`, `ABORTED`, `DISPOSED`
 * @example
 * ```ts
 * import { load, translate } from 'hence'
 * const model = await load('opus-mt-en-de', { kind: 'language' })
 * const [german] = await translate(model, 'The sky is blue.')
 * console.log(german?.translation_text)
 * ```
 */
export async function translate(
  model: LanguageModel,
  texts: string | readonly string[],
  options: TranslateOptions = {},
): Promise<Translation[]> {
  checkOptions('translate', options, { ...SEQ2SEQ_RULES, from: textRule, to: textRule })
  const { from, to, ...rest } = options
  if (from !== undefined && to === undefined) throw new HenceError('OPTION_INVALID', 'translate: { from } goes with { to }')
  const written = await transform('translate', model, texts, to === undefined ? ['translation'] : pairTask(from ?? 'en', to), rest)
  return written.map(translation => ({ translation_text: translation }))
}

/**
 * Summarises texts with an encoder–decoder: Bart, T5.
 *
 * @returns a summary for each text
 * @throws HenceError as {@link translate}
 * @example
 * ```ts
 * import { load, summarise } from 'hence'
 * const model = await load('bart-large-cnn', { kind: 'language' })
 * const [short] = await summarise(model, 'The tower is 324 metres tall, about as tall as a building of 81 storeys …')
 * console.log(short?.summary_text)
 * ```
 */
export async function summarise(
  model: LanguageModel,
  texts: string | readonly string[],
  options: GenerateOptions = {},
): Promise<Summary[]> {
  checkOptions('summarise', options, SEQ2SEQ_RULES)
  const written = await transform('summarise', model, texts, ['summarization', 'summarize: '], options)
  return written.map(summary => ({ summary_text: summary }))
}

/** Names of settings for a task, and the text T5 expects in front where its files say nothing. */
type TaskNames = readonly [name: string, spoken?: string]

async function transform(
  where: string,
  model: LanguageModel,
  texts: string | readonly string[],
  [name, spoken = '']: TaskNames,
  options: GenerateOptions,
): Promise<string[]> {
  const seq2seq = seq2seqOf(where, model)
  const { open, engine } = seq2seq
  const task = open.taskSettings(name)
  const isT5 = /^m?t5$/.test(engine.model.config.architecture)
  const prefix = task?.prefix ?? (isT5 ? spoken : '')
  const list = typeof texts === 'string' ? [texts] : texts
  if (!Array.isArray(list) || list.some(text => typeof text !== 'string'))
    throw new HenceError('OPTION_INVALID', `${where}: wants a text or an array of texts`)
  const answers = list.map(text => seq2seq.answer(seq2seq.sourceOf(where, prefix + text, task?.settings ?? open.settings), options).done())
  const results = await Promise.all(answers)
  const aborted = results.find(({ finishReason }) => finishReason === 'aborted')
  if (aborted) throw new HenceError('ABORTED', 'the operation was aborted', { cause: options.signal?.reason })
  return results.map(({ text }) => text)
}

/** `translation_en_to_de`, and the words T5 was trained with: `translate English to German: `. */
function pairTask(from: string, to: string): TaskNames {
  return [`translation_${from}_to_${to}`, `translate ${languageName(from)} to ${languageName(to)}: `]
}

function languageName(code: string): string {
  try {
    return new Intl.DisplayNames('en', { type: 'language' }).of(code) ?? code
  } catch (cause) {
    throw new HenceError('OPTION_INVALID', `translate: "${code.slice(0, 40)}" is no code of a language`, {
      language: code.slice(0, 40),
      cause,
    })
  }
}
