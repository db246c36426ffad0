/** Where a token comes from: [begin, end) of the text, in UTF-16 code units, so that `text.slice(begin, end)` is it. */
export type Offset = readonly [begin: number, end: number]

/** The tokens of one or two texts, everything a model or its user may ask about them; all lists are equally long. */
export interface Encoding {
  readonly ids: readonly number[]
  /** Type of each token, which tells models which text it belongs to. */
  readonly typeIds: readonly number[]
  /** Place of each token in its own text; [0, 0] for tokens that are in neither text. */
  readonly offsets: readonly Offset[]
  /** 0 for the first text, 1 for the second, undefined for tokens that are in neither. */
  readonly texts: readonly (0 | 1 | undefined)[]
  /** Number of the piece of its text that a token is part of; undefined for tokens that are in neither text. */
  readonly words: readonly (number | undefined)[]
  /** 0 for padding, else 1. */
  readonly attentionMask: readonly number[]
  /** 1 for tokens that were added to the texts, padding among them, else 0. */
  readonly specialMask: readonly number[]
  /** The rest of the texts where truncation cut them, in windows that overlap by the stride. */
  readonly overflowing: readonly Encoding[]
}

/** Tokens of one text before anything is added to them. */
export interface TracedText {
  readonly ids: readonly number[]
  readonly offsets: readonly Offset[]
  readonly words: readonly number[]
  /** What an added token took from the text, white space too; undefined for other tokens. */
  readonly added: readonly (string | undefined)[]
}

/** The tokens of `text` from `start` to `end`. */
export function sliceTraced(text: TracedText, start: number, end: number): TracedText {
  return {
    ids: text.ids.slice(start, end),
    offsets: text.offsets.slice(start, end),
    words: text.words.slice(start, end),
    added: text.added.slice(start, end),
  }
}
