/** What turns one piece of text into ids: the last step of encoding, after normalising and cutting. */
export interface TokenModel {
  /** Appends the ids of `text` from `start` to `end` to `out`. */
  append(text: string, start: number, end: number, out: number[]): void
}
