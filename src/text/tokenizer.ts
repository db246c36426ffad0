import type { Encoding } from './encoding.ts'
import type { Padding } from './padding.ts'
import type { Truncation } from './truncation.ts'

/** Ids that mean more than text. */
export interface SpecialIds {
  /** Begins a text. */
  readonly bos?: number
  /** Each of these ends a text or a turn. */
  readonly eos: readonly number[]
  /** Stands for what the vocabulary cannot spell. */
  readonly unknown?: number
  /** Fills up batches. */
  readonly pad?: number
}

/** How {@link Tokenizer.encode} treats special tokens. */
export interface EncodeOptions {
  /** Adds the begin and end tokens the model's own file asks for; default true. */
  readonly addSpecial?: boolean
  /** Turns the text of a special token found in the input into its id, else into plain text; default true. */
  readonly parseSpecial?: boolean
}

/** One text, or two that a model sees together. */
export type Texts = string | readonly [first: string, second: string]

/** How {@link Tokenizer.encodeWithOffsets} and {@link Tokenizer.encodeBatch} treat texts. */
export interface EncodeTextsOptions extends EncodeOptions {
  /** Cuts texts that are too long; true for what the tokenizer file says. Default: not at all. */
  readonly truncation?: Truncation | boolean
  /** Fills encodings up to a common length; true for what the tokenizer file says. Default: not at all. */
  readonly padding?: Padding | boolean
}

/** How ids become text. */
export interface DecodeOptions {
  /** Leaves special tokens out; default true. */
  readonly skipSpecial?: boolean
}

/** How a stream of ids becomes text. */
export interface StreamOptions extends DecodeOptions {
  /** The ids continue text that was already shown, so the space that opens the first word is kept; default false. */
  readonly continues?: boolean
}

/** Turns ids into text as they arrive; what it has returned is final. */
export interface StreamDetokenizer {
  /** The text made certain by one more id; empty while a character is incomplete. */
  push(id: number): string
  /** The rest, an incomplete character as U+FFFD; the stream can then be used again from the start. */
  flush(): string
}

/**
 * Text to token ids and back.
 *
 * Strings that are not well-formed UTF-16 are encoded as if each lone surrogate were U+FFFD. Bytes that are not
 * UTF-8 decode to U+FFFD, one for each maximal ill-formed part, in batch and in streams alike.
 */
export interface Tokenizer {
  /** One more than the largest id. */
  readonly vocabSize: number
  readonly special: SpecialIds
  encode(text: string, options?: EncodeOptions): number[]
  /**
   * One or two texts with everything that is known of each token: its place in the text, type, word, mask.
   *
   * @throws HenceError `OPTION_INVALID` when truncation has no room, or the model knows no pairs
   */
  encodeWithOffsets(texts: Texts, options?: EncodeTextsOptions): Encoding
  /** {@link encodeWithOffsets} of many; padding makes them equally long. */
  encodeBatch(batch: readonly Texts[], options?: EncodeTextsOptions): Encoding[]
  /** The text of `ids`; ids outside the vocabulary have none. */
  decode(ids: Iterable<number>, options?: DecodeOptions): string
  /** One token for display; bytes that are no text on their own as `<0xE2>`. */
  tokenText(id: number): string
  stream(options?: StreamOptions): StreamDetokenizer
}
