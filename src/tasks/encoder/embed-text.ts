import { HenceError, type Tensor, type TensorModel, tensor } from '../../core/index.ts'
import { boolean, checkOptions, type OptionRule, oneOf, text } from '../check-options.ts'
import { POOLINGS, type Pooling, poolTokens } from './pooling.ts'
import { normalised } from './rows.ts'
import type { SentenceModules } from './sentence-modules.ts'
import { TextEncoder } from './text-encoder.ts'
import { TEXT_RULES, type TextInput, type TextOptions } from './text-input.ts'

/** Options of {@link embedText}. What is not given comes from the files of the model. */
export interface EmbedTextOptions extends TextOptions {
  /** How vectors of tokens become one; as modules.json beside the model says, else `mean`. */
  readonly pooling?: Pooling | undefined
  /** Scales every vector to length one; as modules.json says, else true. */
  readonly normalize?: boolean | undefined
  /** Put in front of every text. */
  readonly prompt?: string | undefined
  /** The name of a prompt in config_sentence_transformers.json: `query`, `document`. */
  readonly promptName?: string | undefined
}

const RULES: Readonly<Record<string, OptionRule>> = {
  ...TEXT_RULES,
  pooling: oneOf(...POOLINGS),
  normalize: boolean,
  prompt: text,
  promptName: text,
}

/**
 * Turns texts into vectors that are close where meanings are. Texts of all lengths run side by side, without padding.
 *
 * @returns f32 `[texts, width]`; one text gives `[1, width]`
 * @throws HenceError `OPTION_INVALID`, `CONTEXT_OVERFLOW` with `truncate: false`, `TOKENIZER_MISSING`, `ABORTED`, `DISPOSED`
 * @example
 * ```ts
 * import { embedText, load } from 'hence'
 * const model = await load('all-MiniLM-L6-v2', { kind: 'tensor' })
 * const { shape, data } = await embedText(model, ['a cat', 'a kitten', 'a lawyer'])
 * ```
 */
export async function embedText(
  model: TensorModel,
  texts: TextInput | readonly TextInput[],
  options: EmbedTextOptions = {},
): Promise<Tensor<'f32'>> {
  checkOptions('embedText', options, RULES)
  const list = Array.isArray(texts) ? (texts as readonly TextInput[]) : [texts as TextInput]
  const encoder = await TextEncoder.of('embedText', model)
  const { normalize } = options
  if (encoder.head?.kind === 'projection') {
    const width = encoder.headSize
    const result = tensor('f32', [list.length, width])
    await encoder.each(list, options, { rows: () => true }, ({ head }, i) => result.data.set(head, i * width))
    if (normalize ?? true) normalised(result.data, width)
    return result
  }
  const modules = await encoder.model.engine.sentence()
  const poolings = options.pooling === undefined ? modules.poolings : [options.pooling]
  const prompt = promptOf(modules, options)
  const begin = prompt === '' || modules.includesPrompt ? 0 : await promptTokens(encoder, prompt)
  const inputs = list.map(input => withPrompt(input, prompt, modules.isLowerCase))
  const most = modules.maxTokens === undefined ? {} : { most: modules.maxTokens }
  let width = poolings.length * encoder.width
  let rows = new Float32Array(list.length * width)
  await encoder.each(inputs, { ...options, ...most }, { hidden: true }, ({ hidden }, i) =>
    rows.set(poolTokens(hidden, encoder.width, poolings, begin), i * width),
  )
  for (const layer of modules.layers) {
    rows = (await encoder.model.whileAlive(options, signal => layer.run(rows, signal))) as Float32Array<ArrayBuffer>
    width = layer.outSize
  }
  if (normalize ?? modules.isNormalised) normalised(rows, width)
  return tensor('f32', [list.length, width], rows)
}

function promptOf({ prompts, defaultPrompt }: SentenceModules, { prompt, promptName = defaultPrompt }: EmbedTextOptions): string {
  if (prompt !== undefined) return prompt
  if (promptName === undefined) return ''
  const found = Object.hasOwn(prompts, promptName) ? prompts[promptName] : undefined
  if (found !== undefined) return found
  throw new HenceError('OPTION_INVALID', `embedText: the model has no prompt "${promptName}"`, { known: Object.keys(prompts) })
}

/** Tokens at the beginning of a text that come from its prompt, the special ones before it among them. */
async function promptTokens({ tokenizer }: TextEncoder, prompt: string): Promise<number> {
  const { specialMask } = tokenizer.encodeWithOffsets(prompt)
  return specialMask.at(-1) === 1 ? specialMask.length - 1 : specialMask.length
}

function withPrompt(input: TextInput, prompt: string, isLowerCase: boolean): TextInput {
  const ready = (part: string): string => (isLowerCase ? part.toLowerCase() : part)
  if (typeof input === 'string') return ready(prompt + input)
  // What is no text is refused where texts are encoded.
  if (typeof input !== 'object' || input === null || typeof input.text !== 'string') return input
  return { ...input, text: ready(prompt + input.text) }
}
