import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tinyModelFolder } from '../../test/tiny-model.ts'
import type { LanguageModel, Tensor, TokenLogprobs } from '../core/index.ts'
import { load } from './load.ts'

let model: LanguageModel
let remove = (): void => {}

beforeAll(async () => {
  const tiny = await tinyModelFolder()
  remove = tiny.remove
  model = await load(tiny.path, { kind: 'language', backend: 'reference' })
})

afterAll(async () => {
  await model[Symbol.asyncDispose]()
  remove()
})

const PROMPT = [256, 72, 101, 108, 108, 111]

/** Log-softmax of one row in f64, sorted. */
function sortedLogprobs({ data, shape }: Tensor<'f32'>, row: number): { token: number; logprob: number }[] {
  const logits = Array.from(data.subarray(row * shape[1]!, (row + 1) * shape[1]!))
  const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
  return logits.map((logit, token) => ({ token, logprob: logit - total })).sort((a, b) => b.logprob - a.logprob || a.token - b.token)
}

function expectLogprobs(told: TokenLogprobs, token: number, expected: readonly { token: number; logprob: number }[], count: number): void {
  expect(told.token).toBe(token)
  expect(told.logprob).toBeCloseTo(expected.find(entry => entry.token === token)!.logprob, 4)
  expect(told.top.map(entry => entry.token)).toEqual(expected.slice(0, count).map(entry => entry.token))
  for (const [i, { logprob }] of told.top.entries()) expect(logprob).toBeCloseTo(expected[i]!.logprob, 4)
}

describe('logprobs', () => {
  test('are those of the logits, whatever the sampling does', async () => {
    const options = { temperature: 1.7, seed: 5, frequencyPenalty: 1, maxTokens: 6, ignoreEos: true, logprobs: 3 }
    const generation = model.generate(PROMPT, options)
    const deltas = []
    for await (const delta of generation) deltas.push(delta)
    const { tokens, logprobs } = await generation.done()
    expect(deltas.map(delta => delta.logprobs)).toEqual(logprobs)
    const logits = await model.logits([...PROMPT, ...tokens])
    for (const [i, token] of tokens.entries()) expectLogprobs(logprobs![i]!, token, sortedLogprobs(logits, PROMPT.length - 1 + i), 3)
  })

  test('of the prompt, without generating anything', async () => {
    const result = await model.generate(PROMPT, { maxTokens: 0, promptLogprobs: 2 }).done()
    expect(result).toMatchObject({ tokens: [], text: '', finishReason: 'length', usage: { completionTokens: 0 } })
    expect('logprobs' in result).toBe(false)
    const logits = await model.logits(PROMPT)
    expect(result.promptLogprobs).toHaveLength(PROMPT.length - 1)
    for (const [i, told] of result.promptLogprobs!.entries()) expectLogprobs(told, PROMPT[i + 1]!, sortedLogprobs(logits, i), 2)
  })

  test('of prompts longer than a step, while others run beside them', async () => {
    const prompts = [90, 60, 30].map(length => Array.from({ length }, (_, i) => (i * 37 + length) % 256))
    const results = await Promise.all(prompts.map(prompt => model.generate(prompt, { maxTokens: 1, promptLogprobs: 0 }).done()))
    for (const [p, prompt] of prompts.entries()) {
      const logits = await model.logits(prompt)
      const expected = prompt.slice(1).map((token, i) => sortedLogprobs(logits, i).find(entry => entry.token === token)!.logprob)
      const told = results[p]!.promptLogprobs!.map(({ logprob }) => logprob)
      expect(Math.max(...told.map((logprob, i) => Math.abs(logprob - expected[i]!)))).toBeLessThan(1e-4)
    }
  })
})

describe('logitBias', () => {
  test('commands and forbids tokens', async () => {
    const plain = await model.generate(PROMPT, { temperature: 0, maxTokens: 1 }).done()
    const forbidden = await model.generate(PROMPT, { temperature: 0, maxTokens: 1, logitBias: { [plain.tokens[0]!]: -100 } }).done()
    expect(forbidden.tokens[0]).not.toBe(plain.tokens[0])
    const commanded = await model.generate(PROMPT, { seed: 1, maxTokens: 4, logitBias: { 65: 100 } }).done()
    expect(commanded.text).toBe('AAAA')
  })

  test.each([[{ 999: 1 }], [{ a: 1 }], [{ 1: Number.NaN }], [[1]], ['1']])('%j is refused', logitBias => {
    expect(() => model.generate(PROMPT, { logitBias: logitBias as never })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })
})

describe('what ends an answer', () => {
  const greedy = { temperature: 0, maxTokens: 12, ignoreEos: true } as const

  test('a stop text or a stop token, which is part of it where that is wanted', async () => {
    const { text, tokens } = await model.generate(PROMPT, greedy).done()
    const stop = text.slice(3, 5)
    const before = text.slice(0, text.indexOf(stop))
    const ended = { finishReason: 'stop', stoppedBy: stop }
    expect(await model.generate(PROMPT, { ...greedy, stop }).done()).toMatchObject({ ...ended, text: before })
    expect(await model.generate(PROMPT, { ...greedy, stop, includeStop: true }).done()).toMatchObject({ ...ended, text: before + stop })
    const [stopToken, at] = [tokens[4]!, tokens.indexOf(tokens[4]!)]
    const byToken = { finishReason: 'stop', stoppedBy: stopToken }
    const plain = await model.generate(PROMPT, { ...greedy, stopTokens: [stopToken] }).done()
    expect(plain).toMatchObject({ ...byToken, tokens: tokens.slice(0, at) })
    const included = await model.generate(PROMPT, { ...greedy, stopTokens: [stopToken], includeStop: true }).done()
    expect(included).toMatchObject({ ...byToken, tokens: tokens.slice(0, at + 1), text: model.detokenize(tokens.slice(0, at + 1)) })
  })

  test('nothing before minTokens: not the end, not a stop text, not a stop token', async () => {
    const commanded = { logitBias: { 257: 100 }, seed: 1, maxTokens: 9 }
    expect((await model.generate(PROMPT, commanded).done()).tokens).toHaveLength(0)
    const least = await model.generate(PROMPT, { ...commanded, minTokens: 5 }).done()
    expect(least).toMatchObject({ finishReason: 'stop', usage: { completionTokens: 5 } })
    const letters = { temperature: 0, allowedTokens: [65], maxTokens: 9, ignoreEos: true }
    expect((await model.generate(PROMPT, { ...letters, stop: 'A', minTokens: 4 }).done()).text).toBe('AAAA')
    const both = { ...letters, allowedTokens: [65, 66], logitBias: { 65: 100 }, stopTokens: [65], minTokens: 3 }
    expect((await model.generate(PROMPT, both).done()).text).toBe('BBB')
  })

  test('nothing else to write', async () => {
    const result = await model.generate(PROMPT, { allowedTokens: [65], badWords: ['AAA'], maxTokens: 9 }).done()
    expect(result).toMatchObject({ text: 'AA', finishReason: 'stop' })
    expect(result.stoppedBy).toBeUndefined()
  })

  test('the context, where maxTokens is past it', async () => {
    const { usage, finishReason } = await model.generate(PROMPT, { maxTokens: 1e12, ignoreEos: true }).done()
    expect(finishReason).toBe('length')
    expect(usage.totalTokens).toBe(model.describe().context)
  })

  test('one of thousands of stop texts', async () => {
    const { text } = await model.generate(PROMPT, greedy).done()
    const stop = Array.from({ length: 20_000 }, (_, i) => `none ${i}`)
    expect((await model.generate(PROMPT, { ...greedy, stop }).done()).text).toBe(text)
    const last = text.slice(5, 8)
    expect((await model.generate(PROMPT, { ...greedy, stop: [...stop, last] }).done()).stoppedBy).toBe(last)
  })
})

describe('which tokens may come', () => {
  test('only allowed ones, never bad words, no run of tokens twice', async () => {
    const options = { seed: 3, maxTokens: 60, temperature: 1.5, ignoreEos: true }
    const only = await model.generate(PROMPT, { ...options, allowedTokens: [97, 98, 99] }).done()
    expect(only.text).toMatch(/^[abc]{60}$/)
    const words = await model.generate(PROMPT, { ...options, allowedTokens: [97, 98, 99], badWords: ['ab', [99, 99]] }).done()
    expect(words.text).toMatch(/^[abc]{60}$/)
    expect(words.text).not.toMatch(/ab|cc/)
    const runs = await model.generate(PROMPT, { ...options, allowedTokens: [97, 98, 99], noRepeatNgrams: 3 }).done()
    const found = Array.from({ length: runs.text.length - 2 }, (_, i) => runs.text.slice(i, i + 3))
    expect(new Set(found).size).toBe(found.length)
  })

  test('a bad word may not be finished that the prompt begins', async () => {
    const options = { seed: 3, maxTokens: 1, logitBias: { 66: 100 } }
    expect((await model.generate('A', options).done()).text).toBe('B')
    expect((await model.generate('A', { ...options, badWords: ['AB'] }).done()).text).not.toBe('B')
  })
})

describe('the best of several', () => {
  test('is the likeliest per token of those its seeds draw', async () => {
    const options = { temperature: 1.2, maxTokens: 6, logprobs: 0, seed: 40 }
    const alone = await Promise.all(
      Array.from({ length: 5 }, (_, i) => model.generate(PROMPT, { ...options, seed: 40 + i, ignoreEos: true }).done()),
    )
    const mean = (result: (typeof alone)[number]): number => result.logprobs!.reduce((sum, told) => sum + told.logprob, 0) / 6
    const sorted = alone.toSorted((a, b) => mean(b) - mean(a))
    const generation = model.generate(PROMPT, { ...options, ignoreEos: true, bestOf: 5, returnSequences: 3 })
    const best = await generation.done()
    expect(best.sequences!.map(found => found.tokens)).toEqual(sorted.slice(0, 3).map(result => result.tokens))
    for (const [i, { score }] of best.sequences!.entries()) expect(score).toBeCloseTo(mean(sorted[i]!), 5)
    expect(best).toMatchObject({ tokens: sorted[0]!.tokens, logprobs: sorted[0]!.logprobs, usage: { completionTokens: 30 } })
    const texts = []
    for await (const { text } of generation) texts.push(text)
    expect(texts.join('')).toBe(best.text)
  })

  test('is aborted as a whole', async () => {
    const controller = new AbortController()
    const pending = model.generate(PROMPT, { bestOf: 4, ignoreEos: true, signal: controller.signal }).done()
    controller.abort()
    expect((await pending).finishReason).toBe('aborted')
    expect(model.activity()).toMatchObject({ running: 0, waiting: 0, kvTokensUsed: 0 })
  })
})

describe('beams', () => {
  const LETTERS = [97, 98, 99]

  /** Every text of so many letters with the sum of its log-probabilities, likeliest first, by reading each of them whole. */
  async function everyText(length: number): Promise<{ tokens: number[]; sum: number }[]> {
    let texts: number[][] = [[]]
    for (let i = 0; i < length; i++) texts = texts.flatMap(text => LETTERS.map(letter => [...text, letter]))
    const all = texts.map(async tokens => {
      const logits = await model.logits([...PROMPT, ...tokens])
      const told = tokens.map((token, i) => sortedLogprobs(logits, PROMPT.length - 1 + i).find(entry => entry.token === token)!.logprob)
      return { tokens, sum: told.reduce((total, logprob) => total + logprob, 0) }
    })
    return (await Promise.all(all)).sort((a, b) => b.sum - a.sum)
  }

  test('enough of them find the likeliest of all texts', async () => {
    const wanted = await everyText(3)
    const options = { beams: 27, returnSequences: 5, allowedTokens: LETTERS, maxTokens: 3, ignoreEos: true } as const
    const { sequences, tokens, finishReason } = await model.generate(PROMPT, options).done()
    expect(sequences!.map(found => found.tokens)).toEqual(wanted.slice(0, 5).map(text => text.tokens))
    for (const [i, { score }] of sequences!.entries()) expect(score).toBeCloseTo(wanted[i]!.sum / 3, 4)
    expect({ tokens, finishReason }).toEqual({ tokens: wanted[0]!.tokens, finishReason: 'length' })
    expect(model.activity().kvTokensUsed).toBe(0)
  })

  test('end where the model ends, and weigh lengths as told', async () => {
    const ends = { beams: 4, logitBias: { 257: 8 }, maxTokens: 8 }
    const short = await model.generate(PROMPT, { ...ends, lengthPenalty: -5 }).done()
    const long = await model.generate(PROMPT, { ...ends, lengthPenalty: 5, minTokens: 3 }).done()
    expect(short.finishReason).toBe('stop')
    expect(short.tokens.length).toBeLessThan(long.tokens.length)
  })
})

test.each([
  [{ minTokens: 5, maxTokens: 4 }, /minTokens 5 is more than maxTokens 4/],
  [{ bestOf: 2, beams: 2 }, /two ways/],
  [{ bestOf: 2, returnSequences: 3 }, /returnSequences 3 is more than bestOf 2/],
  [{ beams: 2, returnSequences: 3 }, /3 texts cannot come of 2 beams/],
  [{ bestOf: 2, temperature: 0 }, /all the same/],
  [{ beams: 2, stop: 'x' }, /no use for stop/],
  [{ beams: 2, temperature: 1 }, /no use for temperature/],
  [{ beams: 2, maxTokens: 0 }, /at least one token/],
  [{ bestOf: 65 }, /bestOf must be a whole number from 1 to 64/],
  [{ typicalP: 1.1 }, /typicalP must be a number from 0 to 1/],
  [{ allowedTokens: [] }, /allowedTokens must be an array with at least one/],
  [{ allowedTokens: [258] }, /token 258 .* outside the vocabulary of 258/],
  [{ allowedTokens: [65], badWords: ['A'] }, /forbid all of them/],
  [{ allowedTokens: [257], minTokens: 1 }, /forbid all of them/],
  [{ stopTokens: [-1] }, /stopTokens must be an array/],
  [{ stopTokens: [999] }, /outside the vocabulary/],
  [{ badWords: [''] }, /badWords must be/],
  [{ badWords: [[1, 300]] }, /outside the vocabulary/],
  [{ stop: Array.from({ length: 300 }, () => 'x'.repeat(1_000)) }, /262144 characters together/],
  [{ stop: 'x'.repeat(1_025) }, /1 to 1024 characters/],
  [{ priority: 0.5 }, /priority must be a whole number/],
  [{ deadlineMs: 0 }, /deadlineMs must be a number/],
])('%j is refused', (options, message) => {
  const failure = expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringMatching(message) })
  expect(() => model.generate(PROMPT, options)).toThrow(failure)
})

test('a prompt that fills the context can still be read', async () => {
  const prompt = Array.from({ length: model.describe().context }, (_, i) => i % 256)
  expect((await model.generate(prompt, { maxTokens: 0, promptLogprobs: 0 }).done()).promptLogprobs).toHaveLength(prompt.length - 1)
  expect(() => model.generate(prompt, { maxTokens: 1 })).toThrow(expect.objectContaining({ code: 'CONTEXT_OVERFLOW' }))
})

test('activity counts sequences and the room of their tokens', async () => {
  expect(model.activity()).toMatchObject({ running: 0, waiting: 0, kvTokensUsed: 0 })
  const stream = model.generate(PROMPT, { maxTokens: 20, ignoreEos: true })[Symbol.asyncIterator]()
  await stream.next()
  expect(model.activity().running).toBe(1)
  expect(model.activity().kvTokensUsed).toBeGreaterThanOrEqual(PROMPT.length)
  await stream.return?.()
  expect(model.activity()).toMatchObject({ running: 0 })
  // When the step is over that it was in.
  while (model.activity().kvTokensUsed > 0) await new Promise(resolve => setImmediate(resolve))
})

test('timers and sockets get their turn while a small model generates', async () => {
  const tiny = await tinyModelFolder({ config: { max_position_embeddings: 1_024 } })
  await using quick = await load(tiny.path, { kind: 'language', backend: 'reference' })
  tiny.remove()
  let isDone = false
  let turns = 0
  const turn = (): void => {
    turns++
    if (!isDone) setImmediate(turn)
  }
  setImmediate(turn)
  const begun = process.cpuUsage()
  const { tokens } = await quick.generate(PROMPT, { maxTokens: 900, ignoreEos: true }).done()
  isDone = true
  const { user, system } = process.cpuUsage(begun)
  expect(tokens.length).toBeGreaterThanOrEqual(899)
  // Processor time, as another process may have had the processor between two turns.
  expect(turns).toBeGreaterThan((user + system) / 1_000 / 16)
})

test.each([undefined, null, 7, {}])('a prompt or tokens that are %s are refused', value => {
  const failure = expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringMatching(/array of token ids/) })
  expect(() => model.generate(value as never)).toThrow(failure)
  expect(() => model.detokenize(value as never)).toThrow(failure)
})
