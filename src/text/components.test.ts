import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { awkwardText } from '../../test/awkward-text.ts'
import { parseDecoder } from './decoders.ts'
import { Detokenizer, TokenBytes } from './detokenizer.ts'
import { parseNormalizer } from './normalizers.ts'
import { parsePostProcessor } from './post-processors.ts'
import { parsePreTokenizer, runStep } from './pre-tokenizers.ts'

function split(value: unknown, text: string): string[] {
  let pieces = [{ text, atStart: true }]
  for (const step of parsePreTokenizer(value)) pieces = runStep(step)(pieces)
  return pieces.map(piece => piece.text)
}

describe('pre-tokenizers', () => {
  const dash = { type: 'Split', pattern: { String: '-' }, invert: false }
  test.each([
    ['Removed', ['a', 'b']],
    ['Isolated', ['a', '-', '-', 'b']],
    ['MergedWithPrevious', ['a-', '-', 'b']],
    ['MergedWithNext', ['a', '-', '-b']],
    ['Contiguous', ['a', '--', 'b']],
  ])('Split %s', (behavior, expected) => {
    expect(split({ ...dash, behavior }, 'a--b')).toEqual(expected)
  })

  test('inverted splits keep what matches', () => {
    expect(split({ type: 'Split', pattern: { Regex: '\\d+' }, behavior: 'Removed', invert: true }, 'a12b3')).toEqual(['12', '3'])
  })

  test('the simple kinds', () => {
    expect(split({ type: 'Digits', individual_digits: true }, 'a12')).toEqual(['a', '1', '2'])
    expect(split({ type: 'Digits', individual_digits: false }, 'a12')).toEqual(['a', '12'])
    expect(split({ type: 'Punctuation' }, 'a,b!?')).toEqual(['a', ',', 'b', '!', '?'])
    expect(split({ type: 'Whitespace' }, 'a, b_1')).toEqual(['a', ',', 'b_1'])
    expect(split({ type: 'WhitespaceSplit' }, ' a,  b ')).toEqual(['a,', 'b'])
    expect(split({ type: 'CharDelimiterSplit', delimiter: '|' }, 'a|b')).toEqual(['a', 'b'])
    expect(split({ type: 'ByteLevel', add_prefix_space: true }, 'é b')).toEqual(['ĠÃ©', 'Ġb'])
    expect(split(null, 'a b')).toEqual(['a b'])
  })

  test('Metaspace marks words', () => {
    expect(split({ type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' }, 'a  b')).toEqual(['▁a', '▁', '▁b'])
    expect(split({ type: 'Metaspace', replacement: '▁', prepend_scheme: 'never', split: false }, 'a b')).toEqual(['a▁b'])
    const first = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false }
    expect(split({ type: 'Sequence', pretokenizers: [{ ...dash, behavior: 'Removed' }, first] }, 'a-b')).toEqual(['▁a', 'b'])
  })
})

describe('normalizers', () => {
  const normalize = (value: unknown, text: string): string => parseNormalizer(value)!({ text }).text
  test('each kind', () => {
    expect(normalize({ type: 'NFC' }, 'e\u0301')).toBe('é')
    expect(normalize({ type: 'NFD' }, 'é')).toBe('e\u0301')
    expect(normalize({ type: 'NFKC' }, 'ﬁ')).toBe('fi')
    expect(normalize({ type: 'NFKD' }, 'é½')).toBe('e\u03011⁄2')
    expect(normalize({ type: 'Lowercase' }, 'ΑΣ A')).toBe('ασ a')
    expect(normalize({ type: 'Strip', strip_left: true, strip_right: false }, ' a ')).toBe('a ')
    expect(normalize({ type: 'StripAccents' }, 'e\u0301')).toBe('e')
    expect(normalize({ type: 'Prepend', prepend: '▁' }, '')).toBe('')
    expect(normalize({ type: 'Replace', pattern: { Regex: ' {2,}' }, content: '$&' }, 'a   b')).toBe('a$&b')
    expect(normalize({ type: 'Replace', pattern: { String: '.' }, content: '!' }, 'a.b')).toBe('a!b')
    expect(parseNormalizer(null)).toBeUndefined()
  })
})

describe('post-processors', () => {
  test('nest outwards', () => {
    const wrap = (id: number): unknown => ({ type: 'RobertaProcessing', cls: ['c', id], sep: ['s', id + 1] })
    expect(parsePostProcessor({ type: 'Sequence', processors: [wrap(1), { type: 'ByteLevel' }, wrap(5)] })).toMatchObject({
      frame: { before: [5, 1], after: [2, 6] },
    })
  })
})

describe('decoders', () => {
  const show = (value: unknown, tokens: string[]): string => {
    const decoding = parseDecoder(value)
    const bytes = new TokenBytes({ tokens, special: new Set(), verbatim: new Set() }, decoding)
    const options = { skipSpecial: true, continues: false }
    const stream = new Detokenizer(bytes, decoding, options)
    const streamed = tokens.map((_, id) => stream.push(id)).join('') + stream.flush()
    expect(new Detokenizer(bytes, decoding, options).all(tokens.keys())).toBe(streamed)
    return streamed
  }

  test('each kind', () => {
    expect(show(null, ['a', 'b'])).toBe('a b')
    expect(show({ type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' }, ['▁a', '▁b'])).toBe('a b')
    expect(show({ type: 'BPEDecoder', suffix: '</w>' }, ['a', 'b</w>', 'c</w>'])).toBe('ab c')
    expect(show({ type: 'ByteLevel' }, ['ĠÃ', '©'])).toBe(' é')
    const trim = { type: 'Sequence', decoders: [{ type: 'Fuse' }, { type: 'Strip', content: ' ', start: 2, stop: 1 }] }
    expect(show(trim, [' ', '  a ', ' ', 'b', ' ', ' '])).toBe(' a  b ')
    const each = { type: 'Sequence', decoders: [{ type: 'Strip', content: '_', start: 1, stop: 1 }] }
    expect(show(each, ['_a_', '__'])).toBe('a')
  })

  test('batch and stream agree on any tokens', () => {
    const trim = {
      type: 'Sequence',
      decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 2 }],
    }
    const token = fc.oneof(awkwardText, fc.constantFrom(' ', '  ', '<0xE2>', '<0x96>', '<0x81>', '<0x41>'))
    fc.assert(
      fc.property(fc.array(token, { maxLength: 8 }), tokens => {
        show(trim, tokens)
      }),
      { numRuns: 500 },
    )
  })
})
