import { invalid } from './json-fields.ts'
import type { TextIndex } from './text-index.ts'
import type { OnToken, TokenModel } from './token-model.ts'

/** Every piece is one token. */
export class WordLevel implements TokenModel {
  readonly #ids: TextIndex
  readonly #unknown: number | undefined

  /** @param unknown - stands for pieces that are not in the vocabulary */
  constructor(ids: TextIndex, unknown: number | undefined) {
    this.#ids = ids
    this.#unknown = unknown
  }

  append(text: string, start: number, end: number, out: number[]): void {
    const word = text.slice(start, end)
    const id = this.#ids.get(word) ?? this.#unknown
    if (id === undefined)
      throw invalid(`the vocabulary holds neither ${JSON.stringify(word.slice(0, 100))} nor an unknown token`, { word: word.slice(0, 100) })
    out.push(id)
  }

  trace(text: string, start: number, end: number, onToken: OnToken): void {
    const ids: number[] = []
    this.append(text, start, end, ids)
    for (const id of ids) onToken(id, start, end)
  }
}
