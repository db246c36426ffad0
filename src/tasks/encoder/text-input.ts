import { HenceError } from '../../core/index.ts'
import type { Encoding, Tokenizer } from '../../text/index.ts'
import { abortSignal, boolean, callback, integer, type OptionRule } from '../check-options.ts'

/** One text, or two that a model sees together. */
export type TextInput = string | { readonly text: string; readonly textPair?: string | undefined }

/** How texts are read by every task over an encoder. */
export interface TextOptions {
  /** Cuts texts that are longer than the model takes; default true. Otherwise they are refused. */
  readonly truncate?: boolean | undefined
  /** Most tokens of a text, special ones among them; what the model takes by default. */
  readonly maxTokens?: number | undefined
  /** Told of every text that is cut. */
  readonly onTruncation?: ((cut: TruncatedText) => void) | undefined
  /** Told of the tokens of every text that are read, special ones among them. */
  readonly onTokens?: ((count: { readonly index: number; readonly tokens: number }) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** A text that was longer than the model takes. */
export interface TruncatedText {
  /** Its place among the texts given. */
  readonly index: number
  /** Tokens it has, and how many of them are kept, special ones among both. */
  readonly tokens: number
  readonly kept: number
}

export const TEXT_RULES: Readonly<Record<string, OptionRule>> = {
  truncate: boolean,
  maxTokens: integer(1, 2 ** 27),
  onTruncation: callback,
  onTokens: callback,
  signal: abortSignal,
}

/**
 * Texts as tokens, none longer than `most`.
 *
 * @throws HenceError `OPTION_INVALID` for what is no text or has no tokens, `CONTEXT_OVERFLOW` where cutting is off
 */
export function encodeTexts(
  task: string,
  tokenizer: Tokenizer,
  inputs: readonly TextInput[],
  most: number,
  { truncate = true, maxTokens = most, onTruncation, onTokens }: TextOptions,
): Encoding[] {
  const maxLength = Math.min(most, maxTokens)
  return inputs.map((input, index) => {
    const [first, second] = partsOf(task, input, index)
    const [encoding] = tokenizer.encodeBatch([second === undefined ? first : [first, second]], { truncation: { maxLength } })
    const { ids, overflowing, specialMask } = encoding!
    if (ids.length === 0) throw new HenceError('OPTION_INVALID', `${task}: text ${index} has no tokens`, { index })
    onTokens?.({ index, tokens: ids.length })
    if (overflowing.length === 0) return encoding!
    const special = specialMask.reduce((sum, one) => sum + one, 0)
    const tokens = [encoding!, ...overflowing].reduce((sum, part) => sum + part.ids.length - special, special)
    if (!truncate)
      throw new HenceError('CONTEXT_OVERFLOW', `${task}: text ${index} has ${tokens} tokens, the model takes ${maxLength}`, {
        index,
        tokens,
        most: maxLength,
        hint: 'Shorten the text, or leave { truncate } on.',
      })
    onTruncation?.({ index, tokens, kept: ids.length })
    return encoding!
  })
}

function partsOf(task: string, input: TextInput, index: number): readonly [string, string | undefined] {
  const { text, textPair } =
    typeof input === 'string' ? { text: input, textPair: undefined } : (Object(input) as Partial<Record<string, unknown>>)
  if (typeof text === 'string' && (textPair === undefined || typeof textPair === 'string')) return [text, textPair as string | undefined]
  throw new HenceError('OPTION_INVALID', `${task}: text ${index} must be a string or { text, textPair }`, { index })
}
