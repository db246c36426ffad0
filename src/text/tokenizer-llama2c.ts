import type { AddedToken } from './added-tokens.ts'
import { Bpe, byteTokenText } from './bpe.ts'
import { sentencePieceDecoding } from './decoders.ts'
import { invalid, MAX_VOCABULARY } from './json-fields.ts'
import { MergeRules } from './merge-rules.ts'
import { prependNormalizer } from './normalizer.ts'
import { Pipeline } from './pipeline.ts'
import { framingProcessor } from './post-processors.ts'
import { segmenter, wordsBeginWith, wordwise } from './segmenter.ts'
import type { Tokenizer } from './tokenizer.ts'

/** Fixed by the format: unknown, begin, end, then a token for each byte, then pieces. */
const UNKNOWN = 0
const BOS = 1
const EOS = 2
const FIRST_BYTE = 3
const FIRST_PIECE = 259
/** Longest token in bytes; tokens of published files stay below 100. */
const MAX_TOKEN_BYTES = 4096

/**
 * The tokenizer of a llama2.c checkpoint: an i32 with the longest token's length, then for each token its score
 * (f32), length (i32) and bytes. Pieces spell spaces as spaces.
 * Source: llama2.c, `tokenizer.py` and `run.c`.
 *
 * @param vocabSize - tokens in the file, which only the checkpoint knows
 * @throws HenceError `TOKENIZER_INVALID` when the bytes do not hold that many tokens
 */
export function tokenizerFromLlama2c(bytes: Uint8Array, vocabSize: number): Tokenizer {
  if (!Number.isInteger(vocabSize) || vocabSize < FIRST_PIECE || vocabSize > MAX_VOCABULARY)
    throw invalid(`a llama2.c vocabulary has ${FIRST_PIECE} to ${MAX_VOCABULARY} tokens, not ${vocabSize}`, { vocabSize })
  const { tokens, scores } = readTokens(bytes, vocabSize)
  const ids = new Map<string, number>()
  // Of equal texts the first counts.
  for (let id = vocabSize - 1; id >= FIRST_PIECE; id--) ids.set(tokens[id]!, id)
  const vocabulary = { tokens, ids }
  const model = new Bpe({
    vocabulary,
    rules: MergeRules.byScore(vocabulary, scores),
    alphabet: 'characters',
    byteTokens: Array.from({ length: 256 }, (_, byte) => FIRST_BYTE + byte),
  })
  const special = (id: number): AddedToken => ({
    id,
    content: tokens[id]!,
    special: true,
    lstrip: false,
    rstrip: false,
    singleWord: false,
    normalized: false,
  })
  return new Pipeline({
    tokens,
    added: [UNKNOWN, BOS, EOS].map(special),
    normalizer: prependNormalizer(' '),
    segmenter: segmenter([], wordsBeginWith(' ', ids) ? wordwise(model, ' ') : model),
    processor: framingProcessor({ before: [BOS], after: [] }),
    decoding: sentencePieceDecoding(' ', true),
    verbatim: new Set([UNKNOWN, BOS, EOS]),
    special: { bos: BOS, eos: [EOS], unknown: UNKNOWN },
  })
}

function readTokens(bytes: Uint8Array, vocabSize: number): { tokens: string[]; scores: Float32Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  const tokens: string[] = []
  const scores = new Float32Array(vocabSize)
  let at = 4
  for (let id = 0; id < vocabSize; id++) {
    const fits = at + 8 <= bytes.length
    const length = fits ? view.getInt32(at + 4, true) : 0
    if (!fits || length < 0 || length > MAX_TOKEN_BYTES || at + 8 + length > bytes.length)
      throw invalid(`the llama2.c tokenizer ends or breaks at token ${id} of ${vocabSize}, offset ${at} of ${bytes.length}`, {
        id,
        vocabSize,
        offset: at,
        bytes: bytes.length,
        length,
      })
    scores[id] = view.getFloat32(at, true)
    if (Number.isNaN(scores[id])) throw invalid(`the score of token ${id} is not a number`, { id, offset: at })
    const isByte = id >= FIRST_BYTE && id < FIRST_PIECE
    tokens.push(isByte ? byteTokenText(id - FIRST_BYTE) : utf8.decode(bytes.subarray(at + 8, at + 8 + length)))
    at += 8 + length
  }
  return { tokens, scores }
}
