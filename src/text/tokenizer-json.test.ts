import { readFileSync } from 'node:fs'
import { Tokenizer as Peer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyText, awkwardText } from '../../test/awkward-text.ts'
import { describeWithTestdata, testdata } from '../../test/testdata.ts'
import { isHenceError } from '../core/index.ts'
import { BYTE_TO_CODE } from './byte-alphabet.ts'
import type { Tokenizer } from './tokenizer.ts'
import { tokenizerFromJson } from './tokenizer-json.ts'

const ALPHABET = Array.from(BYTE_TO_CODE, code => String.fromCharCode(code))

/** A byte-level tokenizer over the whole alphabet with a few merges. */
function byteLevel(overrides: Record<string, unknown> = {}, model: Record<string, unknown> = {}): Tokenizer {
  const merges = ['t h', 'th e', 'Ġ the', 'i n', 'in g', 'Ġ w', 'o r', 'Ã ©', 'ð Ł', 'ðŁ ĳ', 'Ġ Ġ', 'ĠĠ ĠĠ', '1 2', "' s"]
  const tokens = [...new Set([...ALPHABET, ...merges.map(merge => merge.replace(' ', ''))])]
  return tokenizerFromJson({
    added_tokens: [{ id: tokens.length, content: '<|eot_id|>', special: true, normalized: false }],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges, ...model },
    ...overrides,
  })
}

describe('byte-level BPE', () => {
  const tokenizer = byteLevel()

  test('decodes what it encoded', () => {
    fc.assert(
      fc.property(awkwardText, text => {
        expect(tokenizer.decode(tokenizer.encode(text, { parseSpecial: false }))).toBe(text)
        expect(tokenizer.decode(tokenizer.encode(text), { skipSpecial: false })).toBe(text)
      }),
      { numRuns: 400 },
    )
  })

  test('never throws, and reads lone surrogates as U+FFFD', () => {
    fc.assert(
      fc.property(anyText, text => {
        expect(tokenizer.decode(tokenizer.encode(text), { skipSpecial: false })).toBe(
          (text as string & { toWellFormed(): string }).toWellFormed(),
        )
      }),
      { numRuns: 400 },
    )
    expect(tokenizer.decode(tokenizer.encode('a\ud83d'))).toBe('a\ufffd')
  })

  test('streams what a batch gives, never half a character', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(tokenizer.vocabSize + 2), { maxLength: 30 }), ids => {
        const stream = tokenizer.stream()
        const parts = ids.map(id => stream.push(id))
        const rest = stream.flush()
        for (const each of [...parts, rest]) expect((each as string & { isWellFormed(): boolean }).isWellFormed()).toBe(true)
        expect(parts.join('') + rest).toBe(tokenizer.decode(ids))
      }),
      { numRuns: 400 },
    )
  })

  test('holds a character back until its last byte', () => {
    const ids = tokenizer.encode('é👋')
    const stream = tokenizer.stream()
    expect(ids.map(id => stream.push(id)).filter(text => text !== '')).toEqual(['é', '👋'])
    const partial = tokenizer.encode('👋').slice(0, -1)
    for (const id of partial) expect(stream.push(id)).toBe('')
    expect(stream.flush()).toBe('\ufffd')
  })

  test('special tokens are parsed, kept as text, and skipped as asked', () => {
    const eot = tokenizer.vocabSize - 1
    expect(tokenizer.encode('the<|eot_id|>the')).toHaveLength(3)
    expect(tokenizer.encode('the<|eot_id|>', { parseSpecial: false })).not.toContain(eot)
    expect(tokenizer.decode(tokenizer.encode('the<|eot_id|>'))).toBe('the')
    expect(tokenizer.tokenText(eot)).toBe('<|eot_id|>')
    expect(tokenizer.special.eos).toEqual([eot])
  })

  test('shows single tokens, incomplete ones as bytes', () => {
    const [the] = tokenizer.encode(' the')
    expect(tokenizer.tokenText(the!)).toBe(' the')
    const hand = tokenizer.encode('👋')
    expect(tokenizer.tokenText(hand[0]!)).toBe('<0xF0><0x9F><0x91>')
    expect(tokenizer.tokenText(9_999_999)).toBe('')
  })

  test('a megabyte, also as one word, is encoded', () => {
    for (const text of ['the wording '.repeat(90_000), 'thewording'.repeat(100_000), '👋'.repeat(250_000), ' '.repeat(1_000_000)]) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
    }
    expect(tokenizer.encode('')).toEqual([])
  })

  test('whole words skip merging when the file says so', () => {
    const merged = byteLevel({}, { merges: [] })
    const whole = byteLevel({}, { merges: [], ignore_merges: true })
    expect(merged.encode('the')).toHaveLength(3)
    expect(whole.encode('the')).toHaveLength(1)
  })
})

describe('character BPE', () => {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, '▁', 'a', 'b', 'c', 'ab', '▁a', '▁ab', '▁▁']
  const file = {
    added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true, normalized: false })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [
        ['a', 'b'],
        ['▁', 'a'],
        ['▁', 'ab'],
        ['▁', '▁'],
      ],
    },
  }
  const tokenizer = tokenizerFromJson(file, { bos_token: '<s>', eos_token: { content: '</s>' }, unk_token: '<unk>' })

  test('merges characters and falls back to bytes', () => {
    expect(tokenizer.encode('ab é').map(id => tokenizer.tokenText(id))).toEqual(['<s>', ' ab', ' ', '<0xC3>', '<0xA9>'])
    expect(tokenizer.special).toEqual({ bos: 1, eos: [2], unknown: 0 })
  })

  test('decodes what it encoded but for the space it puts first', () => {
    fc.assert(
      fc.property(awkwardText, text => {
        const ids = tokenizer.encode(text, { parseSpecial: false })
        // The mark itself cannot be told from a space.
        expect(tokenizer.decode(ids)).toBe(text.replaceAll('▁', ' '))
        const stream = tokenizer.stream()
        expect(ids.map(id => stream.push(id)).join('') + stream.flush()).toBe(tokenizer.decode(ids))
      }),
      { numRuns: 400 },
    )
  })

  test('a continued text keeps the space of its first word', () => {
    const ids = tokenizer.encode('ab', { addSpecial: false })
    expect(tokenizer.decode(ids)).toBe('ab')
    expect(ids.map(id => tokenizer.stream({ continues: true }).push(id)).join('')).toBe(' ab')
  })

  test('cutting at marks changes nothing', () => {
    // A token with a mark inside forbids the cut, so the same text takes the other path.
    const uncut = tokenizerFromJson({ ...file, model: { ...file.model, vocab: { ...file.model.vocab, 'c▁c': tokens.length } } })
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', 'é', '漢'), maxLength: 80 }), text => {
        expect(uncut.encode(text)).toEqual(tokenizer.encode(text))
      }),
      { numRuns: 500 },
    )
  })

  test('a Metaspace pre-tokenizer gives what the normalizers give', () => {
    const metaspace = tokenizerFromJson({
      ...file,
      normalizer: null,
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: false },
    })
    for (const text of ['ab ab  a', 'é ab', 'bab\nab c', 'x'.repeat(100)]) expect(metaspace.encode(text)).toEqual(tokenizer.encode(text))
  })

  test('a megabyte without spaces is encoded', () => {
    const text = 'abcab'.repeat(200_000)
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
  })

  test('unknown characters fuse, stand alone or vanish', () => {
    const ids = (model: Record<string, unknown>): number[] =>
      tokenizerFromJson({ ...file, post_processor: null, model: { ...file.model, byte_fallback: false, ...model } }).encode('xya')
    const mark = tokens.indexOf('▁')
    const a = tokens.indexOf('a')
    expect(ids({})).toEqual([mark, 0, a])
    expect(ids({ fuse_unk: false })).toEqual([mark, 0, 0, a])
    // Without a substitute nothing is left between the mark and the letter, so they merge.
    expect(ids({ unk_token: null })).toEqual([tokens.indexOf('▁a')])
  })
})

describe('added tokens', () => {
  const added = (fields: Record<string, unknown>): Tokenizer =>
    byteLevel({ added_tokens: [{ id: 900, content: '<m>', special: false, normalized: false, ...fields }] })
  const show = (tokenizer: Tokenizer, text: string): string[] => tokenizer.encode(text).map(id => tokenizer.tokenText(id))

  test('take the white space around them when they say so', () => {
    expect(show(added({}), 'a <m> b')).toEqual(['a', ' ', '<m>', ' ', 'b'])
    expect(show(added({ lstrip: true, rstrip: true }), 'a <m> \nb')).toEqual(['a', '<m>', 'b'])
  })

  test('single words are not found inside words', () => {
    const tokenizer = added({ content: 'cat', single_word: true })
    expect(show(tokenizer, 'cat bcat cats')).toEqual(['cat', ' ', 'b', 'c', 'a', 't', ' ', 'c', 'a', 't', 's'])
  })

  test('the longest of several wins; without parsing only special ones are text', () => {
    const tokenizer = byteLevel({
      added_tokens: [
        { id: 900, content: '<m>', special: false, normalized: false },
        { id: 901, content: '<m><m>', special: true, normalized: false },
      ],
    })
    expect(tokenizer.encode('<m><m><m>')).toEqual([901, 900])
    expect(tokenizer.encode('<m><m><m>', { parseSpecial: false })).toEqual([900, 900, 900])
    expect(tokenizer.vocabSize).toBe(902)
  })

  test('normalized ones are found after normalising', () => {
    const tokenizer = byteLevel({
      normalizer: { type: 'Lowercase' },
      added_tokens: [{ id: 900, content: 'THE', special: false, normalized: true }],
    })
    expect(tokenizer.encode('tHe')).toEqual([900])
  })
})

describe('a malformed tokenizer.json', () => {
  const model = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] }
  test.each([
    ['nothing', undefined, 'tokenizer.json should be an object'],
    ['a list', [], 'tokenizer.json should be an object, not a list'],
    ['no model', {}, 'model should be an object'],
    ['an unknown model', { model: { type: 'Unigrm' } }, 'unknown tokenizer model "Unigrm"; known are BPE'],
    ['no vocabulary', { model: { type: 'BPE', vocab: {}, merges: [] } }, 'model.vocab is empty'],
    ['a broken id', { model: { ...model, vocab: { a: -1 } } }, 'model.vocab["a"] should be a token id, not -1'],
    ['a huge id', { model: { ...model, vocab: { a: 1e9 } } }, 'beyond the largest id'],
    ['ids far apart', { model: { ...model, vocab: { a: 0, b: 4_000_000 } } }, 'ids reach 4000000 with only 2 tokens'],
    ['merges that are no list', { model: { ...model, merges: 'a b' } }, 'model.merges should be a list'],
    ['a merge of one text', { model: { ...model, merges: ['ab'] } }, 'model.merges[0]'],
    ['a merge of three texts', { model: { ...model, merges: [['a', 'b', 'c']] } }, 'model.merges[0] should be a pair, not 3 texts'],
    ['an unknown token that is missing', { model: { ...model, unk_token: '<unk>' } }, '"<unk>" is not in model.vocab'],
    ['an unknown normalizer', { model, normalizer: { type: 'NFX' } }, 'unknown normalizer "NFX"'],
    ['an unknown pre-tokenizer', { model, pre_tokenizer: { type: '__proto__' } }, 'unknown pre-tokenizer "__proto__"'],
    ['an unknown post-processor', { model, post_processor: { type: 'Post' } }, 'unknown post-processor "Post"'],
    ['an unknown decoder', { model, decoder: { type: 'WordPeace' } }, 'unknown decoder "WordPeace"'],
    ['a bad pattern', { model, pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' } }, 'an unclosed ('],
    [
      'an unknown behavior',
      { model, pre_tokenizer: { type: 'Split', pattern: { String: 'a' }, behavior: 'Isolate' } },
      'unknown split behavior "Isolate"',
    ],
    [
      'a template without its text',
      { model, post_processor: { type: 'TemplateProcessing', single: [], special_tokens: {} } },
      'should hold the text once, not 0 times',
    ],
    ['a replacement too long', { model, normalizer: { type: 'Prepend', prepend: 'a'.repeat(300) } }, 'Prepend.prepend has 300 characters'],
    ['an added token without id', { model, added_tokens: [{ content: '<s>' }] }, 'added_tokens.id should be a token id'],
  ])('with %s is refused', (_what, file, message) => {
    expect.assertions(2)
    try {
      tokenizerFromJson(file)
    } catch (error) {
      expect(isHenceError(error, 'TOKENIZER_INVALID')).toBe(true)
      expect((error as Error).message).toContain(message)
    }
  })

  test('nested without end is refused', () => {
    let normalizer: unknown = { type: 'NFC' }
    for (let i = 0; i < 10_000; i++) normalizer = { type: 'Sequence', normalizers: [normalizer] }
    expect(() => tokenizerFromJson({ model, normalizer })).toThrow('nested deeper than 8')
  })

  test('that multiplies text is refused when it does', () => {
    const double = { type: 'Replace', pattern: { String: 'a' }, content: 'aa' }
    const tokenizer = tokenizerFromJson({ model, normalizer: { type: 'Sequence', normalizers: Array.from({ length: 60 }, () => double) } })
    expect(() => tokenizer.encode('a'.repeat(1000))).toThrow('the normalizer makes')
  })

  test('of any shape gives a tokenizer or TOKENIZER_INVALID', () => {
    fc.assert(
      fc.property(
        fc.record({ model: fc.anything(), normalizer: fc.anything(), pre_tokenizer: fc.anything(), added_tokens: fc.anything() }),
        fc.anything(),
        (file, config) => {
          try {
            tokenizerFromJson({ ...file, model: typeof file.model === 'object' ? { ...model, ...file.model } : model }, config).encode('ab')
          } catch (error) {
            if (!isHenceError(error, 'TOKENIZER_INVALID')) throw error
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

describeWithTestdata('tokenizers of checkpoints', () => {
  // The oracle's white space is JavaScript's, which takes U+FEFF and leaves U+0085; and it ends words in ς.
  const comparable = awkwardText.filter(text => !/[\u0085\ufeffΣ]/.test(text))
  test.each(['llama', 'qwen2', 'gpt2', 'mistral', 'gemma2', 'clip', 'roberta'])('%s agrees with @huggingface/tokenizers', name => {
    const read = (file: string): object => JSON.parse(readFileSync(testdata('refs', name, file), 'utf8')) as object
    const tokenizer = tokenizerFromJson(read('tokenizer.json'), read('tokenizer_config.json'))
    const peer = new Peer(read('tokenizer.json'), read('tokenizer_config.json')) as { encode(text: string): { ids: number[] } }
    fc.assert(
      fc.property(comparable, text => {
        expect(tokenizer.encode(text)).toEqual(peer.encode(text).ids)
      }),
      { numRuns: 150 },
    )
  })
})
