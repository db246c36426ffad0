import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type TinyModelOptions, tinyModelFolder } from '../../test/tiny-model.ts'
import type { GenerateOptions, GenerationDelta, LanguageModel } from '../core/index.ts'
import type { KvType } from '../llm/index.ts'
import { inspect, type LoadOptions, load } from './index.ts'

const folders: { remove(): void }[] = []
afterAll(() => {
  for (const folder of folders) folder.remove()
})

async function tinyFolder(options: TinyModelOptions = {}): Promise<string> {
  const folder = await tinyModelFolder(options)
  folders.push(folder)
  return folder.path
}

async function loadTiny(options: TinyModelOptions & { load?: LoadOptions } = {}): Promise<LanguageModel> {
  return load(await tinyFolder(options), { kind: 'language', backend: 'reference', ...options.load })
}

async function collect(iterable: AsyncIterable<GenerationDelta>): Promise<GenerationDelta[]> {
  const deltas: GenerationDelta[] = []
  for await (const delta of iterable) deltas.push(delta)
  return deltas
}

/** Never ends by itself. */
const ENDLESS: GenerateOptions = { temperature: 0, ignoreEos: true }

describe('load', () => {
  test('describes what it loaded, as JSON', async () => {
    using model = await loadTiny()
    const description = model.describe()
    expect(JSON.parse(JSON.stringify(description))).toEqual(description)
    expect(description).toMatchObject({
      kind: 'language',
      architecture: 'llama',
      layers: 2,
      context: 96,
      precision: 'exact',
      hasTokenizer: true,
      hasChatTemplate: true,
    })
    expect(description.memory).toMatchObject({ kvType: 'f32', kvBytesPerToken: 2 * 2 * 8 * 4, kvPoolTokens: 384 })
    expect(description.backend).toMatchObject({ name: 'reference' })
  })

  test('keys and values are held as asked', async () => {
    const path = await tinyFolder()
    const options = { kind: 'language', backend: 'reference' } as const
    for (const [kvType, headBytes] of Object.entries({ f32: 4 * 4, f16: 2 * 4, bf16: 2 * 4, i8: 4 + 4 })) {
      using model = await load(path, { ...options, kvType: kvType as KvType })
      const { memory } = model.describe()
      expect(memory).toMatchObject({ kvType, kvBytesPerToken: 2 * 2 * 2 * headBytes, kvPoolTokens: 384 })
      expect(memory.kvPoolBytes).toBe(384 * memory.kvBytesPerToken)
      expect((await model.generate('a', { ...ENDLESS, maxTokens: 20 }).done()).tokens).toHaveLength(20)
    }
    await expect(load(path, { ...options, kvType: 'int8' as KvType })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })

  test('inspect says the same without weights', async () => {
    const path = await tinyFolder()
    using model = await load(path, { kind: 'language', backend: 'reference' })
    const { backend, ...loaded } = model.describe()
    const inspected = await inspect(path, { kind: 'language', backend: 'reference' })
    expect(inspected).toMatchObject({
      ...loaded,
      memory: { kvBytesPerToken: loaded.memory.kvBytesPerToken, weightBytes: loaded.memory.weightBytes },
    })
  })

  test('takes a weight file, a config file, a URL', async () => {
    const path = await tinyFolder()
    for (const source of [join(path, 'model.safetensors'), join(path, 'config.json'), new URL(`file://${path}`)]) {
      using model = await load(source, { kind: 'language', backend: 'reference' })
      expect(model.describe().architecture).toBe('llama')
    }
  })

  test('unknown options are refused with the nearest name', async () => {
    const path = await tinyFolder()
    await expect(load(path, { treads: 2 } as LoadOptions)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      details: { nearest: 'threads' },
    })
    await expect(load(path, { context: 1.5 })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(load('')).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    using model = await load(path, { kind: 'language', backend: 'reference' })
    expect(() => model.generate('a', { temprature: 1 } as GenerateOptions)).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ nearest: 'temperature' }) }),
    )
    expect(() => model.generate('a', { temperature: -1 })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(() => model.generate('a', { stop: [''] })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })

  test('a context beyond the model is refused, one within it is kept', async () => {
    const path = await tinyFolder()
    await expect(load(path, { backend: 'reference', context: 97 })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    using model = await load(path, { kind: 'language', backend: 'reference', context: 20 })
    expect(model.describe().context).toBe(20)
  })

  test('tensors of the wrong shape, missing ones, and an aborted signal', async () => {
    const wrong = await tinyFolder({ shapes: { 'model.norm.weight': [15] } })
    await expect(load(wrong, { backend: 'reference' })).rejects.toMatchObject({ code: 'TENSOR_MISMATCH' })
    const missing = await tinyFolder({ shapes: { 'model.norm.weight': undefined } })
    await expect(load(missing, { backend: 'reference' })).rejects.toMatchObject({
      code: 'TENSOR_MISSING',
      details: { missing: ['model.norm.weight'] },
    })
    await expect(load(missing, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
  })

  test('without a tokenizer, ids still work', async () => {
    using model = await loadTiny({ hasTokenizer: false })
    expect(() => model.generate('text')).toThrow(expect.objectContaining({ code: 'TOKENIZER_MISSING' }))
    expect(() => model.tokenize('text')).toThrow(expect.objectContaining({ code: 'TOKENIZER_MISSING' }))
    const { text, tokens } = await model.generate([1, 2, 3], { ...ENDLESS, maxTokens: 4 }).done()
    expect([text, tokens.length]).toEqual(['', 4])
    expect(() => model.chat([{ role: 'user', content: 'x' }])).toThrow(expect.objectContaining({ code: 'TEMPLATE_MISSING' }))
  })

  test('the tokenizer and the template can be given', async () => {
    const [path, other] = [await tinyFolder({ hasTokenizer: false }), await tinyFolder()]
    using model = await load(path, {
      kind: 'language',
      backend: 'reference',
      tokenizer: join(other, 'tokenizer.json'),
      chatTemplate: '{{ messages[0].content }}',
    })
    expect(model.detokenize(model.tokenize('héllo'))).toBe('héllo')
    expect((await model.chat([{ role: 'user', content: 'abc' }], { maxTokens: 1 }).done()).usage.promptTokens).toBe(3)
    await expect(load(path, { tokenizer: join(path, 'nowhere.json') })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  })

  test('generation_config.json gives the defaults', async () => {
    using greedy = await loadTiny({ generationConfig: { do_sample: false, eos_token_id: [7, 257] } })
    expect(greedy.describe().sampling).toMatchObject({ temperature: 0 })
    using sampled = await loadTiny({ generationConfig: { do_sample: true, temperature: 0.6, top_p: 0.9 } })
    expect(sampled.describe().sampling).toMatchObject({ temperature: 0.6, topP: 0.9, topK: 50 })
    await expect(loadTiny({ generationConfig: { temperature: 'hot' } })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})

describe('generate', () => {
  test('pieces join to the text, and the same seed gives it again', async () => {
    using model = await loadTiny()
    const generation = model.generate('hello', { maxTokens: 20, ignoreEos: true })
    const deltas = await collect(generation)
    const result = await generation.done()
    expect(deltas.map(delta => delta.text).join('')).toBe(result.text)
    expect(deltas.map(delta => delta.token)).toEqual(result.tokens)
    expect(result).toMatchObject({ finishReason: 'length', usage: { promptTokens: 5, completionTokens: 20, totalTokens: 25 } })
    const again = await model.generate('hello', { maxTokens: 20, ignoreEos: true, seed: result.seed }).done()
    expect(again.tokens).toEqual(result.tokens)
  })

  test('sequences side by side give what they give alone', async () => {
    using model = await loadTiny()
    const prompts = Array.from({ length: 7 }, (_, i) => Array.from({ length: 1 + 11 * i }, (_, j) => (31 * i + 7 * j) % 256))
    const options = (seed: number): GenerateOptions => ({ maxTokens: 12, seed, temperature: 0.9, ignoreEos: true })
    const alone: (readonly number[])[] = []
    for (const [i, prompt] of prompts.entries()) alone.push((await model.generate(prompt, options(i)).done()).tokens)
    const together = await Promise.all(prompts.map((prompt, i) => model.generate(prompt, options(i)).done()))
    expect(together.map(result => result.tokens)).toEqual(alone)
    // Twelve at once need more blocks than there are, so some start over.
    const many = await Promise.all(
      prompts.flatMap((_, i) =>
        [6, 5].map(k =>
          model
            .generate(prompts[k]!, options(k))
            .done()
            .then(result => [i, k, result.tokens] as const),
        ),
      ),
    )
    for (const [, k, tokens] of many) expect(tokens).toEqual(alone[k])
  })

  test('ends at the context, and a prompt that fills it is refused', async () => {
    using model = await loadTiny({ load: { context: 20 } })
    const prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    const { finishReason, tokens } = await model.generate(prompt, { ...ENDLESS, maxTokens: 50 }).done()
    expect([finishReason, tokens.length]).toEqual(['length', 10])
    expect(() => model.generate([...prompt, ...prompt])).toThrow(
      expect.objectContaining({ code: 'CONTEXT_OVERFLOW', details: { tokens: 20, context: 20 } }),
    )
    await expect(model.logits([...prompt, ...prompt, 1])).rejects.toMatchObject({ code: 'CONTEXT_OVERFLOW' })
  })

  test('the end token ends the answer and is no part of it', async () => {
    using model = await loadTiny()
    const { tokens } = await model.generate([65, 66], { ...ENDLESS, maxTokens: 8 }).done()
    const end = tokens[5]!
    using ending = await loadTiny({ generationConfig: { eos_token_id: end, do_sample: false } })
    const result = await ending.generate([65, 66]).done()
    expect(result).toMatchObject({ finishReason: 'stop', tokens: tokens.slice(0, tokens.indexOf(end)) })
  })

  test('a stop text ends the answer before it', async () => {
    using model = await loadTiny()
    const options = { seed: 5, temperature: 1.5, maxTokens: 60, ignoreEos: true }
    const { text } = await model.generate('a', options).done()
    const stop = text.slice(8, 10)
    const generation = model.generate('a', { ...options, stop })
    const deltas = await collect(generation)
    const result = await generation.done()
    expect(result).toMatchObject({ finishReason: 'stop', text: text.slice(0, text.indexOf(stop)) })
    expect(deltas.map(delta => delta.text).join('')).toBe(result.text)
  })

  test('a signal ends the work and keeps what there is', async () => {
    using model = await loadTiny()
    const controller = new AbortController()
    const generation = model.generate([1, 2, 3], { ...ENDLESS, signal: controller.signal })
    let count = 0
    for await (const _ of generation) if (++count === 3) controller.abort()
    const result = await generation.done()
    expect(result.finishReason).toBe('aborted')
    expect(result.tokens.length).toBeGreaterThanOrEqual(3)
    const before = await model.generate([1], { signal: AbortSignal.abort() }).done()
    expect(before).toMatchObject({ finishReason: 'aborted', tokens: [] })
  })

  test('leaving the loop aborts the work', async () => {
    using model = await loadTiny()
    const generation = model.generate([1, 2, 3], ENDLESS)
    for await (const _ of generation) break
    expect((await generation.done()).finishReason).toBe('aborted')
  })

  test('an empty prompt begins a text; ids must be in the vocabulary', async () => {
    using model = await loadTiny()
    expect((await model.generate('', { ...ENDLESS, maxTokens: 2 }).done()).usage.promptTokens).toBe(1)
    for (const ids of [[], [258], [-1], [1.5], [Number.NaN]])
      expect(() => model.generate(ids)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })

  test('chat renders the template', async () => {
    using model = await loadTiny()
    const { usage } = await model.chat([{ role: 'user', content: 'Hi' }], { maxTokens: 1 }).done()
    expect(usage.promptTokens).toBe('user: Hi\n'.length)
    expect(() => model.chat([])).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(() => model.chat([{ content: 'x' } as never])).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })
})

describe('logits', () => {
  test('of all tokens, also beside other work, are those of greedy generation', async () => {
    using model = await loadTiny()
    const prompt = Array.from({ length: 40 }, (_, i) => (i * 37) % 256)
    const [{ tokens }, logits] = await Promise.all([model.generate(prompt, { ...ENDLESS, maxTokens: 3 }).done(), model.logits(prompt)])
    expect(logits.shape).toEqual([40, 258])
    const last = logits.data.subarray(39 * 258)
    expect(last.indexOf(Math.max(...last))).toBe(tokens[0])
    const alone = await model.logits(prompt.slice(0, 1))
    expect(alone.data).toEqual(logits.data.subarray(0, 258))
  })
})

test('after dispose, work ends and calls throw DISPOSED', async () => {
  const model = await loadTiny()
  const running = model.generate([1, 2, 3], ENDLESS).done()
  await Promise.all([expect(running).rejects.toMatchObject({ code: 'DISPOSED' }), model[Symbol.asyncDispose]()])
  expect(() => model.generate([1])).toThrow(expect.objectContaining({ code: 'DISPOSED' }))
  expect(() => model.describe()).toThrow(expect.objectContaining({ code: 'DISPOSED' }))
  await expect(model.logits([1])).rejects.toMatchObject({ code: 'DISPOSED' })
  model.dispose()
})

test('a damaged tokenizer is told at load', async () => {
  const path = await tinyFolder()
  writeFileSync(join(path, 'tokenizer.json'), '{"model": 1}')
  await expect(load(path, { kind: 'language', backend: 'reference' })).rejects.toMatchObject({ code: 'TOKENIZER_INVALID' })
})
