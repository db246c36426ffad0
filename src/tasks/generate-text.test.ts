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
  expect(model.activity()).toMatchObject({ running: 0, kvTokensUsed: 0 })
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
