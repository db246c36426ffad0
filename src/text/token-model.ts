/** Tells of one token of a piece: its id, and where in the text it begins and ends, in code units. */
export type OnToken = (id: number, begin: number, end: number) => void

/** What turns one piece of text into ids: the last step of encoding, after normalising and cutting. */
export interface TokenModel {
  /** Appends the ids of `text` from `start` to `end` to `out`. */
  append(text: string, start: number, end: number, out: number[]): void
  /** The same ids, and where they come from. A token that is part of a character has the place of all of it. */
  trace(text: string, start: number, end: number, onToken: OnToken): void
}
