import { bertNormalizer } from './bert-normalizer.ts'
import { cleanUp, type Decoding } from './decoders.ts'
import type { Normalizer } from './normalizer.ts'
import { type Segmenter, segmenter } from './segmenter.ts'
import type { Vocabulary } from './vocabulary.ts'
import { WordPiece } from './word-piece.ts'
import { scanBertWord } from './word-scanners.ts'

/** Begins the tokens that begin a word; GGUF files leave out the marks of those that continue one. */
const MARK = '▁'
/** Longest word in code points that has a spelling, as for BERT itself. */
const MAX_WORD_LENGTH = 100

/** How GGUF files of the kind `bert` turn text into ids and back: WordPiece over BERT's words. */
export function bertParts(
  vocabulary: Vocabulary,
  special: { readonly unknown: number | undefined; readonly texts: ReadonlySet<string> },
  lowercases: boolean,
): { normalizer: Normalizer; segmenter: Segmenter; decoding: Decoding } {
  const model = new WordPiece({
    vocabulary,
    startPrefix: MARK,
    continuingPrefix: '',
    unknown: special.unknown,
    maxWordLength: MAX_WORD_LENGTH,
  })
  const spaced = (token: string): string | undefined =>
    token.startsWith(MARK) ? token.slice(MARK.length) : special.texts.has(token) ? token : undefined
  return {
    normalizer: bertNormalizer({ cleansText: true, separatesChinese: true, stripsAccents: lowercases, lowercases }),
    segmenter: segmenter([{ kind: 'scan', scan: scanBertWord, dropsSpace: true }], model),
    decoding: {
      stages: [
        (token, isFirst) => {
          const word = spaced(token)
          return cleanUp(word === undefined ? token : isFirst ? word : ` ${word}`)
        },
      ],
      filters: [],
    },
  }
}
