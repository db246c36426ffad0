import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyText } from '../../test/awkward-text.ts'
import { isHenceError } from '../core/index.ts'
import type { Tokenizer } from './tokenizer.ts'
import { tokenizerFromJson } from './tokenizer-json.ts'

const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
const entries = ['<unk>', ...bytes, '▁', 'a', 'b', '▁a', 'ab', 'é'].map((token, id) => [token, id < 257 ? 0 : -id] as const)
const unigram = {
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
  decoder: { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' }] },
  model: { type: 'Unigram', unk_id: 0, byte_fallback: true, vocab: entries },
}
const wordPiece = {
  normalizer: { type: 'BertNormalizer', lowercase: true },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  decoder: { type: 'WordPiece' },
  model: { type: 'WordPiece', unk_token: '[UNK]', vocab: { '[UNK]': 0, a: 1, '##a': 2, '##b': 3, the: 4, ',': 5 } },
}

function refusal(work: () => unknown): string {
  try {
    work()
    return 'nothing'
  } catch (error) {
    if (!isHenceError(error)) throw error
    return `${error.code}: ${error.message}`
  }
}

describe.each([
  ['Unigram', unigram],
  ['WordPiece', wordPiece],
])('%s', (_name, file) => {
  const tokenizer: Tokenizer = tokenizerFromJson(file)

  test('any text gives the ids of its trace, and offsets inside it', () => {
    fc.assert(
      fc.property(anyText, text => {
        const { ids, offsets } = tokenizer.encodeWithOffsets(text)
        expect(ids).toEqual(tokenizer.encode(text))
        for (const [begin, end] of offsets) expect(0 <= begin && begin <= end && end <= text.length).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('a megabyte without spaces is encoded', () => {
    expect(tokenizer.encode('ab'.repeat(500_000)).length).toBeGreaterThan(0)
  })
})

test('Unigram decodes what it encodes', () => {
  const tokenizer = tokenizerFromJson(unigram)
  for (const text of ['ab a', 'é 漢字 👋', 'bab  ab']) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
})

test('options that make no sense are refused', () => {
  const tokenizer = tokenizerFromJson(wordPiece)
  expect(refusal(() => tokenizer.encodeWithOffsets('a', { truncation: true }))).toContain('OPTION_INVALID')
  expect(refusal(() => tokenizer.encodeWithOffsets('a a a', { truncation: { maxLength: 2, stride: 2 } }))).toContain('never gets on')
  expect(refusal(() => tokenizer.encodeWithOffsets('a a', { truncation: { maxLength: -1 } }))).toContain('no room')
})

test('windows overlap by the stride, and a batch is filled to its longest', () => {
  const tokenizer = tokenizerFromJson(wordPiece)
  const { overflowing, offsets } = tokenizer.encodeWithOffsets('a , a , a', { truncation: { maxLength: 3, stride: 1 } })
  expect([offsets, ...overflowing.map(each => each.offsets)].map(each => each.map(([begin]) => begin))).toEqual([
    [0, 2, 4],
    [4, 6, 8],
  ])
  const batch = tokenizer.encodeBatch(['a', 'a , a'], { padding: { id: 9 } })
  expect(batch.map(each => each.ids)).toEqual([
    [1, 9, 9],
    [1, 5, 1],
  ])
  expect(batch[0]!.attentionMask).toEqual([1, 0, 0])
})

test.each([
  ['a score that is text', { ...unigram, model: { ...unigram.model, vocab: [['a', 'x']] } }],
  ['an unknown id out of range', { ...unigram, model: { ...unigram.model, unk_id: 9999 } }],
  ['a charsmap that is no base64', { ...unigram, normalizer: { type: 'Precompiled', precompiled_charsmap: '%' } }],
  ['a charsmap that is too short', { ...unigram, normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } }],
  ['pieces of no length', { ...wordPiece, pre_tokenizer: { type: 'FixedLength', length: 0 } }],
  ['an unknown truncation', { ...wordPiece, truncation: { max_length: 1, strategy: 'Shortest' } }],
])('a file with %s is refused', (_what, file) => {
  expect(refusal(() => tokenizerFromJson(file))).toContain('TOKENIZER_INVALID')
})
