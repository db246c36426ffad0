import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { describeWithTestdata, hasTestdata, testdata } from '../../test/testdata.ts'
import type { Encoding, Offset } from './encoding.ts'
import type { Tokenizer } from './tokenizer.ts'
import { tokenizerFromGguf } from './tokenizer-gguf.ts'
import { tokenizerFromJson } from './tokenizer-json.ts'
import type { Truncation } from './truncation.ts'

interface Case {
  readonly text: string
  readonly ids: number[]
  readonly offsets: number[]
  readonly words: number[]
  readonly decoded: string
}

interface PairCase {
  readonly name: string
  readonly a: string
  readonly b: string | null
  readonly special: boolean
  readonly truncation: {
    readonly max_length: number
    readonly stride: number
    readonly strategy: 'longest_first' | 'only_first' | 'only_second'
    readonly direction: 'left' | 'right'
  }
  readonly padding: {
    readonly direction: 'left' | 'right'
    readonly pad_id: number
    readonly length: number | null
    readonly pad_to_multiple_of: number | null
  }
  readonly ids: number[]
  readonly typeIds: number[]
  readonly offsets: number[]
  readonly attentionMask: number[]
  readonly specialMask: number[]
}

type Line =
  | { readonly kind: 'file'; readonly name: string; readonly file: TokenizerFile; readonly cases: Case[] }
  | { readonly kind: 'checkpoint'; readonly name: string; readonly cases: Case[] }
  | ({ readonly kind: 'pair' } & PairCase)
  | {
      readonly kind: 'sentencepiece'
      readonly name: string
      readonly tokens: string[]
      readonly scores: number[]
      readonly types: number[]
      readonly cases: Pick<Case, 'text' | 'ids'>[]
    }

interface TokenizerFile {
  readonly normalizer: NormalizerFields | null
}

interface NormalizerFields {
  readonly type: string
  readonly normalizers?: NormalizerFields[]
  precompiled_charsmap?: string
}

const readJson = (...segments: string[]): unknown => JSON.parse(readFileSync(testdata(...segments), 'utf8'))

// What Hugging Face's tokenizers library makes of awkward text; test/references/tokenizers/make.py wrote it.
const lines = readFileSync(new URL('../../test/references/tokenizers/expected.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map(line => JSON.parse(line) as Line)

const files = new Map(lines.flatMap(line => (line.kind === 'file' ? [[line.name, withCharsmap(line.file)] as const] : [])))

/** The charsmap itself is in testdata; the lines only point to it. */
function withCharsmap(file: TokenizerFile): TokenizerFile {
  const own = hasTestdata ? findPrecompiled(file.normalizer) : undefined
  if (own)
    own.precompiled_charsmap = findPrecompiled((readJson('refs', 't5', 'tokenizer.json') as TokenizerFile).normalizer)!
      .precompiled_charsmap!
  return file
}

function findPrecompiled(normalizer: NormalizerFields | null): NormalizerFields | undefined {
  return [...(normalizer ? [normalizer] : []), ...(normalizer?.normalizers ?? [])].find(each => each.type === 'Precompiled')
}

function loadCheckpoint(name: string): Tokenizer {
  return tokenizerFromJson(readJson('refs', name, 'tokenizer.json'), readJson('refs', name, 'tokenizer_config.json'))
}

/** Offsets in code points, as the library counts. */
function inCodePoints(text: string, offsets: readonly Offset[]): number[] {
  return offsets.flat().map(at => [...text.slice(0, at)].length)
}

function check(tokenizer: Tokenizer, cases: readonly Case[]): void {
  for (const each of cases) {
    const shown = JSON.stringify(each.text)
    const encoding = tokenizer.encodeWithOffsets(each.text)
    expect(tokenizer.encode(each.text), shown).toEqual(each.ids)
    expect(encoding.ids, shown).toEqual(each.ids)
    expect(inCodePoints(each.text, encoding.offsets), shown).toEqual(each.offsets)
    expect(
      encoding.words.map(word => word ?? -1),
      shown,
    ).toEqual(each.words)
    expect(tokenizer.decode(each.ids, { skipSpecial: false }), shown).toBe(each.decoded)
    const stream = tokenizer.stream({ skipSpecial: false })
    expect(each.ids.map(id => stream.push(id)).join('') + stream.flush(), shown).toBe(each.decoded)
  }
}

describeWithTestdata('as Hugging Face tokenizers', () => {
  test.each(lines.flatMap(line => (line.kind === 'file' ? [line.name] : [])))('%s: ids, offsets, words, text', name => {
    check(tokenizerFromJson(files.get(name)), casesOf('file', name))
  })

  test.each(lines.flatMap(line => (line.kind === 'checkpoint' ? [line.name] : [])))('refs/%s: ids, offsets, words, text', name => {
    check(loadCheckpoint(name), casesOf('checkpoint', name))
  })

  test('GGUF of the kind t5 gives the ids of SentencePiece', () => {
    const line = lines.find(each => each.kind === 'sentencepiece')!
    const charsmap = findPrecompiled((readJson('refs', 't5', 'tokenizer.json') as TokenizerFile).normalizer)!.precompiled_charsmap!
    const metadata = {
      model: 't5',
      tokens: line.tokens,
      scores: line.scores,
      token_type: line.types,
      precompiled_charsmap: [...Buffer.from(charsmap, 'base64')],
      remove_extra_whitespaces: true,
      eos_token_id: 1,
      unknown_token_id: 2,
    }
    const tokenizer = tokenizerFromGguf(new Map(Object.entries(metadata).map(([key, value]) => [`tokenizer.ggml.${key}`, value])))
    for (const each of line.cases) {
      const ids = tokenizer.encode(each.text, { addSpecial: false, parseSpecial: false })
      expect(ids, JSON.stringify(each.text)).toEqual(each.ids)
      expect(tokenizer.encodeWithOffsets(each.text, { parseSpecial: false }).ids).toEqual([...each.ids, 1])
    }
  })

  test('pairs, truncation and padding', () => {
    for (const line of lines) if (line.kind === 'pair') checkPair(line)
  })
})

function casesOf(kind: 'file' | 'checkpoint', name: string): readonly Case[] {
  return lines.flatMap(line => (line.kind === kind && line.name === name ? line.cases : []))
}

function checkPair(each: PairCase): void {
  const { max_length: maxLength, stride, direction } = each.truncation
  const strategy = ({ longest_first: 'longest', only_first: 'first', only_second: 'second' } as const)[each.truncation.strategy]
  const truncation: Truncation = { maxLength, stride, strategy, direction }
  const { length, pad_to_multiple_of: multipleOf } = each.padding
  const encoding: Encoding = (files.has(each.name) ? tokenizerFromJson(files.get(each.name)) : loadCheckpoint(each.name)).encodeWithOffsets(
    each.b === null ? each.a : [each.a, each.b],
    {
      addSpecial: each.special,
      truncation,
      padding: {
        id: each.padding.pad_id,
        direction: each.padding.direction,
        ...(length === null ? {} : { length }),
        ...(multipleOf === null ? {} : { multipleOf }),
      },
    },
  )
  const shown = JSON.stringify([each.name, each.a, each.b, truncation])
  expect(encoding.ids, shown).toEqual(each.ids)
  expect(encoding.typeIds, shown).toEqual(each.typeIds)
  expect(encoding.offsets.flat(), shown).toEqual(each.offsets)
  expect(encoding.attentionMask, shown).toEqual(each.attentionMask)
  expect(encoding.specialMask, shown).toEqual(each.specialMask)
}
