import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { awkwardText } from '../../test/awkward-text.ts'
import { describeWithTestdata, testdata } from '../../test/testdata.ts'
import { isHenceError } from '../core/index.ts'
import { tokenizerFromLlama2c } from './tokenizer-llama2c.ts'

/** The file of a vocabulary: three special tokens, the bytes, then `pieces` with falling scores. */
function file(pieces: readonly string[]): Uint8Array {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
  const parts = ['<unk>', '\n<s>\n', '\n</s>\n', ...bytes, ...pieces].map((text, id) => {
    const body = Buffer.from(text)
    const head = Buffer.alloc(8)
    head.writeFloatLE(id < 259 ? 0 : 259 - id, 0)
    head.writeInt32LE(body.length, 4)
    return Buffer.concat([head, body])
  })
  return Buffer.concat([Buffer.from([27, 0, 0, 0]), ...parts])
}

const pieces = [' ', 'a', 'b', ' a', 'ab', 'é']

describe('tokenizerFromLlama2c', () => {
  const tokenizer = tokenizerFromLlama2c(file(pieces), 265)

  test('merges by score, falls back to bytes, begins with 1', () => {
    expect(tokenizer.encode('ab')).toEqual([1, 262, 261])
    expect(tokenizer.encode('é漢')).toEqual([1, 259, 264, 3 + 0xe6, 3 + 0xbc, 3 + 0xa2])
    expect(tokenizer.encode('')).toEqual([1])
    expect(tokenizer.special).toEqual({ bos: 1, eos: [2], unknown: 0 })
  })

  test('decodes what it encoded', () => {
    fc.assert(
      fc.property(awkwardText, text => {
        expect(tokenizer.decode(tokenizer.encode(text, { parseSpecial: false }))).toBe(text)
      }),
    )
  })

  test('refuses bytes that do not hold the vocabulary', () => {
    const whole = file(pieces)
    const refused = (bytes: Uint8Array, vocabSize: number): boolean => {
      try {
        tokenizerFromLlama2c(bytes, vocabSize)
        return false
      } catch (error) {
        if (!isHenceError(error, 'TOKENIZER_INVALID')) throw error
        return true
      }
    }
    for (let length = 0; length < whole.length; length += 7) expect(refused(whole.subarray(0, length), 265)).toBe(true)
    expect(refused(whole, 266)).toBe(true)
    for (const vocabSize of [0, -1, 2.5, Number.NaN, 1e12]) expect(refused(whole, vocabSize)).toBe(true)
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
        const broken = Uint8Array.from(whole)
        broken[at] = value
        refused(broken, 265)
      }),
    )
  })
})

describeWithTestdata('stories260K', () => {
  test('encodes and decodes a story', () => {
    const tokenizer = tokenizerFromLlama2c(readFileSync(testdata('llm', 'stories260K', 'tok512.bin')), 512)
    const text = 'Once upon a time, there was a little girl named Lily.\nShe said: “Hello!”'
    const ids = tokenizer.encode(text)
    expect(tokenizer.decode(ids)).toBe(text)
    expect(ids.length).toBeLessThan(text.length)
    expect(ids.slice(0, 3).map(id => tokenizer.tokenText(id))).toEqual(['\n<s>\n', ' Once', ' upon'])
  })
})
