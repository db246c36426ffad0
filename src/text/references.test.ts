import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ggufMetadata } from '../../test/gguf-metadata.ts'
import { describeWithTestdata, hasTestdata, testdata } from '../../test/testdata.ts'
import { chatTemplateFromConfig, chatTemplateFromGguf } from './chat-template.ts'
import type { Tokenizer } from './tokenizer.ts'
import { tokenizerFromGguf } from './tokenizer-gguf.ts'
import { tokenizerFromJson } from './tokenizer-json.ts'

interface TokenizerCase {
  readonly text: string
  readonly ids: number[]
  readonly ids_plain: number[]
  readonly decoded: string
  readonly decoded_skip: string
}

interface ChatCase {
  readonly messages: { role: string; content: string }[]
  readonly add_generation_prompt: boolean
  readonly rendered: string
  readonly ids: number[]
}

const readText = (...segments: string[]): string => readFileSync(testdata('refs', ...segments), 'utf8')
const readJson = (...segments: string[]): unknown => JSON.parse(readText(...segments))
const cases = <Case>(...segments: string[]): Case[] => (readJson(...segments) as { cases: Case[] }).cases

const checkpoints = !hasTestdata
  ? []
  : readdirSync(testdata('refs')).filter(name => existsSync(testdata('refs', name, 'tokenizer_reference.json')))

function load(name: string): Tokenizer {
  return tokenizerFromJson(readJson(name, 'tokenizer.json'), readJson(name, 'tokenizer_config.json'))
}

describeWithTestdata('tokenizer.json', () => {
  test('the reference checkpoints are there', () => {
    expect(checkpoints).toEqual(
      expect.arrayContaining(['llama', 'mistral', 'qwen2', 'gpt2', 'gemma2', 'clip', 'bert', 't5', 'xlm-roberta', 'marian', 'whisper']),
    )
  })

  test.each(checkpoints)('%s encodes and decodes as its reference', name => {
    const tokenizer = load(name)
    for (const each of cases<TokenizerCase>(name, 'tokenizer_reference.json')) {
      expect(tokenizer.encode(each.text), each.text).toEqual(each.ids)
      expect(tokenizer.encode(each.text, { addSpecial: false }), each.text).toEqual(each.ids_plain)
      expect(tokenizer.decode(each.ids, { skipSpecial: false }), each.text).toBe(each.decoded)
      expect(tokenizer.decode(each.ids), each.text).toBe(each.decoded_skip)
      const stream = tokenizer.stream({ skipSpecial: false })
      expect(each.ids.map(id => stream.push(id)).join('') + stream.flush(), each.text).toBe(each.decoded)
    }
  })

  test.each(checkpoints.filter(name => existsSync(testdata('refs', name, 'chat_reference.json'))))('%s renders its chats', name => {
    const tokenizer = load(name)
    const file = existsSync(testdata('refs', name, 'chat_template.jinja')) ? readText(name, 'chat_template.jinja') : undefined
    const template = chatTemplateFromConfig(readJson(name, 'tokenizer_config.json'), file)!
    for (const each of cases<ChatCase>(name, 'chat_reference.json')) {
      const rendered = template.render(each.messages, { addGenerationPrompt: each.add_generation_prompt })
      expect(rendered).toBe(each.rendered)
      expect(tokenizer.encode(rendered, { addSpecial: false })).toEqual(each.ids)
    }
  })
})

describeWithTestdata('GGUF', () => {
  test.each([
    ['llama', 'llama/llama-q4_0.gguf'],
    ['llama', 'llama-kquant/llama-kquant-q4_k_m.gguf'],
    ['qwen2', 'qwen2/qwen2-q8_0.gguf'],
    ['gpt2', 'gpt2/gpt2-q4_0.gguf'],
  ])('%s has the ids of its folder in %s', (name, file) => {
    const metadata = ggufMetadata(testdata('refs', 'gguf', file))
    const tokenizer = tokenizerFromGguf(metadata)
    const twin = load(name)
    expect(tokenizer.vocabSize).toBe(512)
    expect(tokenizer.special.eos[0]).toBe(twin.special.eos[0])
    for (const each of cases<TokenizerCase>(name, 'tokenizer_reference.json')) {
      // GGUF cannot say that qwen2 composes accents.
      if (name === 'qwen2' && each.text !== each.text.normalize('NFC')) continue
      expect(tokenizer.encode(each.text), each.text).toEqual(each.ids)
      expect(tokenizer.encode(each.text, { addSpecial: false }), each.text).toEqual(each.ids_plain)
      expect(tokenizer.decode(each.ids, { skipSpecial: false }), each.text).toBe(each.decoded)
      expect(tokenizer.decode(each.ids), each.text).toBe(each.decoded_skip)
    }
    const template = chatTemplateFromGguf(metadata)
    expect(template === undefined).toBe(name === 'gpt2')
    if (!template) return
    for (const each of cases<ChatCase>(name, 'chat_reference.json')) {
      expect(template.render(each.messages, { addGenerationPrompt: each.add_generation_prompt })).toBe(each.rendered)
    }
  })

  test.each(['gpt-2', 'phi-3', 'bert-bge'])('%s has the ids of its .out file', name => {
    const path = testdata('tokenizers', `ggml-vocab-${name}.gguf`)
    const tokenizer = tokenizerFromGguf(ggufMetadata(path))
    // Each text is followed by a separator.
    const texts = readFileSync(`${path}.inp`, 'utf8').split('\n__ggml_vocab_test__\n').slice(0, -1)
    const lines = readFileSync(`${path}.out`, 'utf8').split('\n')
    expect(texts).toHaveLength(46)
    for (const [i, text] of texts.entries()) {
      const expected = lines[i]!.split(' ').filter(Boolean).map(Number)
      expect(tokenizer.encode(text, { addSpecial: false, parseSpecial: false }), JSON.stringify(text)).toEqual(expected)
      if (name !== 'bert-bge') expect(tokenizer.decode(expected), JSON.stringify(text)).toBe(text)
    }
  })
})
