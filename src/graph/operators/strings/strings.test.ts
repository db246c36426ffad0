import { describe, expect, test } from 'vitest'
import { Rng } from '../../../core/index.ts'
import type { OnnxAttribute } from '../../../formats/index.ts'
import { Attributes } from '../../attributes.ts'
import type { GraphTensor } from '../../operator.ts'
import { findOperator } from '../index.ts'

type Plain = Readonly<Record<string, string | number | readonly string[] | readonly number[]>>

function run(name: string, inputs: readonly GraphTensor[], plain: Plain = {}): readonly GraphTensor[] {
  const attributes = Object.entries(plain).map(([key, value]): [string, OnnxAttribute] => {
    if (typeof value === 'string') return [key, { type: 'string', value }]
    if (typeof value === 'number') return [key, { type: 'int', value }]
    if (typeof value[0] === 'string') return [key, { type: 'strings', value: value as readonly string[] }]
    return [key, { type: key === 'weights' ? 'floats' : 'ints', value: value as readonly number[] }]
  })
  const host = { random: () => new Rng(0), runGraph: async () => [], maxLoopIterations: 1 }
  const node = new Attributes(name, Object.fromEntries(attributes))
  return findOperator('', name)!.run({ node: name, version: 20, inputs, attributes: node, outputCount: 2, host }) as readonly GraphTensor[]
}

const text = (shape: readonly number[], ...data: string[]): GraphTensor => ({ dtype: 'string', shape, data })

describe('StringNormalizer', () => {
  test('drops stop words in any case or in theirs, and changes case by locale', () => {
    const words = text([3], 'Monday', 'is', 'İyi')
    const stopwords = ['monday']
    expect(run('StringNormalizer', [words], { stopwords, case_change_action: 'UPPER' })[0]).toEqual(text([2], 'IS', 'İYI'))
    const turkish = { stopwords, is_case_sensitive: 1, case_change_action: 'LOWER', locale: 'tr_TR.UTF-8' }
    expect(run('StringNormalizer', [words], turkish)[0]).toEqual(text([3], 'monday', 'is', 'iyi'))
    expect(run('StringNormalizer', [text([1, 1], 'MONDAY')], { stopwords, locale: 'C' })[0]).toEqual(text([1, 1], ''))
  })

  test('refuses other shapes and actions', () => {
    expect(() => run('StringNormalizer', [text([2, 1], 'a', 'b')])).toThrow(expect.objectContaining({ code: 'SHAPE_MISMATCH' }))
    expect(() => run('StringNormalizer', [text([1], 'a')], { case_change_action: 'TITLE' })).toThrow(
      expect.objectContaining({ code: 'GRAPH_INVALID' }),
    )
  })
})

describe('StringSplit', () => {
  test.each([
    ['at runs of space', {}, ' a\u3000b\x85c ', ['a', 'b', 'c']],
    ['at space up to a number of times', { maxsplit: 1 }, '  a  b c ', ['a', 'b c ']],
    ['at space not at all', { maxsplit: 0 }, ' a b', ['a b']],
    ['at a delimiter', { delimiter: '--' }, 'a----b--', ['a', '', 'b', '']],
    ['at a delimiter up to a number of times', { delimiter: ',', maxsplit: 2 }, 'a,b,c,d', ['a', 'b', 'c,d']],
    ['an empty string at a delimiter', { delimiter: ',' }, '', ['']],
  ])('%s', (_, attributes, input, expected) => {
    const [parts, counts] = run('StringSplit', [text([1], input)], attributes as Plain)
    expect(parts).toEqual(text([1, expected.length], ...expected))
    expect(counts!.data).toEqual(BigInt64Array.of(BigInt(expected.length)))
  })
})

test('StringConcat broadcasts, and says when a string becomes too long', () => {
  expect(run('StringConcat', [text([2, 1], 'a', 'b'), text([2], 'x', 'y')])[0]).toEqual(text([2, 2], 'ax', 'ay', 'bx', 'by'))
  const long = text([], 'x'.repeat(2 ** 29 - 100))
  expect(() => run('StringConcat', [long, long])).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }))
  expect(() => run('StringConcat', [long, { dtype: 'f32', shape: [], data: new Float32Array(1) }])).toThrow(
    expect.objectContaining({ code: 'GRAPH_INVALID' }),
  )
})

describe('TfIdfVectorizer', () => {
  const grams: Plain = {
    mode: 'TFIDF',
    min_gram_length: 1,
    max_gram_length: 2,
    max_skip_count: 1,
    ngram_counts: [0, 2],
    ngram_indexes: [3, 0, 1],
    weights: [10, 20, 0.5],
    pool_strings: ['a', 'b', 'a', 'b'],
  }

  test('weighs each n-gram at its coordinate; tokens may be apart', () => {
    const [row] = run('TfIdfVectorizer', [text([4], 'a', 'b', 'z', 'b')], grams)
    expect(row).toEqual({ dtype: 'f32', shape: [4], data: Float32Array.of(40, 0.5, 0, 10) })
    const [skipped] = run('TfIdfVectorizer', [text([1, 3], 'a', 'z', 'b')], { ...grams, mode: 'IDF' })
    expect(skipped).toEqual({ dtype: 'f32', shape: [1, 4], data: Float32Array.of(20, 0.5, 0, 10) })
  })

  test('refuses attributes that contradict each other', () => {
    for (const change of [
      { ngram_counts: [0, 9] },
      { ngram_counts: [3, 2] },
      { ngram_counts: [0] },
      { ngram_counts: [0, 3] },
      { ngram_indexes: [0] },
      { ngram_indexes: [-1, 0, 1] },
      { ngram_indexes: [2 ** 40, 0, 1] },
      { weights: [1] },
      { min_gram_length: 3 },
      { mode: 'COUNT' },
    ])
      expect(() => run('TfIdfVectorizer', [text([1], 'a')], { ...grams, ...change }), JSON.stringify(change)).toThrow(
        expect.objectContaining({ code: 'GRAPH_INVALID' }),
      )
  })
})
