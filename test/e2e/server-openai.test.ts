import OpenAI, { type APIError, BadRequestError, NotFoundError } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { GenerateOptions } from '../../src/core/index.ts'
import { serveTiny, type TestServer } from '../server.ts'

let tiny: TestServer
let client: OpenAI

beforeAll(async () => {
  tiny = await serveTiny()
  client = new OpenAI({ baseURL: `${tiny.url}/v1`, apiKey: 'none', maxRetries: 0 })
})
afterAll(() => tiny.close())

const HELLO = [{ role: 'user', content: 'Hello' }] as const
const GREEDY = { temperature: 0, max_tokens: 12 } as const

test('models are listed and found', async () => {
  const { data } = await client.models.list()
  expect(data).toEqual([{ id: 'tiny', object: 'model', created: expect.any(Number), owned_by: 'hence' }])
  expect(await client.models.retrieve('tiny')).toMatchObject({ id: 'tiny' })
  await expect(client.models.retrieve('a/b')).rejects.toMatchObject({ status: 404, code: 'model_not_found' })
})

describe('chat completions', () => {
  test('say what the model itself says', async () => {
    const expected = await tiny.model.chat(HELLO, { temperature: 0, maxTokens: 12 }).done()
    const answer = await client.chat.completions.create({ model: 'tiny', messages: [...HELLO], ...GREEDY })
    expect(answer).toMatchObject({ object: 'chat.completion', model: 'tiny', id: expect.stringMatching(/^chatcmpl-/) })
    expect(answer.choices).toEqual([
      {
        index: 0,
        message: { role: 'assistant', content: expected.text, refusal: null },
        logprobs: null,
        finish_reason: expected.finishReason,
      },
    ])
    expect(answer.usage).toEqual({
      prompt_tokens: expected.usage.promptTokens,
      completion_tokens: expected.usage.completionTokens,
      total_tokens: expected.usage.totalTokens,
    })
  })

  test('stream the same text, with usage at the end when asked', async () => {
    const whole = await client.chat.completions.create({ model: 'tiny', messages: [...HELLO], ...GREEDY })
    const stream = await client.chat.completions.create({
      model: 'tiny',
      messages: [...HELLO],
      ...GREEDY,
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    const finishes: unknown[] = []
    let usage: unknown
    for await (const chunk of stream) {
      expect(chunk.object).toBe('chat.completion.chunk')
      for (const choice of chunk.choices) {
        text += choice.delta.content ?? ''
        if (choice.finish_reason) finishes.push(choice.finish_reason)
      }
      if (chunk.usage) usage = chunk.usage
    }
    expect(text).toBe(whole.choices[0]!.message.content)
    expect(finishes).toEqual([whole.choices[0]!.finish_reason])
    expect(usage).toEqual(whole.usage)
  })

  test("the client's own helper accepts the stream", async () => {
    const runner = client.chat.completions.stream({ model: 'tiny', messages: [...HELLO], ...GREEDY })
    expect(typeof (await runner.finalContent())).toBe('string')
  })

  test('draw for each of n choices, repeatably with a seed', async () => {
    const ask = () =>
      client.chat.completions.create({ model: 'tiny', messages: [...HELLO], max_tokens: 8, n: 3, seed: -4, temperature: 1.5 })
    const [first, second] = [await ask(), await ask()]
    const texts = first.choices.map(choice => choice.message.content)
    expect(new Set(texts).size).toBe(3)
    expect(second.choices.map(choice => choice.message.content)).toEqual(texts)
    expect(first.choices.map(choice => choice.index)).toEqual([0, 1, 2])
    expect(first.usage!.prompt_tokens).toBe((await ask()).usage!.prompt_tokens)
  })

  test('stop at texts, which are not part of the answer', async () => {
    const { text } = await tiny.model.chat(HELLO, { temperature: 0, maxTokens: 12 }).done()
    const stop = text.slice(3, 5)
    const answer = await client.chat.completions.create({ model: 'tiny', messages: [...HELLO], ...GREEDY, stop: [stop] })
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: text.slice(0, text.indexOf(stop)) } })
  })

  test('tell logprobs, whole and streamed', async () => {
    const options = { model: 'tiny', messages: [...HELLO], ...GREEDY, logprobs: true, top_logprobs: 2 }
    const expected = await tiny.model.chat(HELLO, { temperature: 0, maxTokens: 12, logprobs: 2 }).done()
    const { choices } = await client.chat.completions.create(options)
    const content = choices[0]!.logprobs!.content!
    expect(content.map(entry => entry.logprob)).toEqual(expected.logprobs!.map(({ logprob }) => logprob))
    expect(content.map(entry => entry.bytes)).toEqual(expected.tokens.map(token => [token]))
    for (const [i, entry] of content.entries())
      expect(entry.top_logprobs.map(top => top.logprob)).toEqual(expected.logprobs![i]!.top.map(top => top.logprob))
    const streamed = []
    for await (const chunk of await client.chat.completions.create({ ...options, stream: true }))
      streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []))
    expect(streamed).toEqual(content)
  })

  test('bias logits', async () => {
    const answer = await client.chat.completions.create({ model: 'tiny', messages: [...HELLO], max_tokens: 4, logit_bias: { 66: 100 } })
    expect(answer.choices[0]!.message.content).toBe('BBBB')
  })

  test('take text parts, developers and what clients send along', async () => {
    const parts = [
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ] as const
    const answer = await client.chat.completions.create({
      model: 'tiny',
      messages: [
        { role: 'developer', content: 'Be brief' },
        { role: 'user', content: [...parts] },
      ],
      ...GREEDY,
      user: 'someone',
      store: false,
      metadata: { a: 'b' },
      response_format: { type: 'text' },
      tools: [],
    })
    const same = [
      { role: 'system', content: 'Be brief' },
      { role: 'user', content: 'a\nb' },
    ]
    expect(answer.choices[0]!.message.content).toBe((await tiny.model.chat(same, { temperature: 0, maxTokens: 12 }).done()).text)
  })
})

describe('completions', () => {
  test('continue texts and token ids, several at once', async () => {
    const prompt = ['One', 'Two']
    const answer = await client.completions.create({ model: 'tiny', prompt, ...GREEDY })
    const expected = await Promise.all(prompt.map(text => tiny.model.generate(text, { temperature: 0, maxTokens: 12 }).done()))
    expect(answer.choices.map(choice => choice.text)).toEqual(expected.map(result => result.text))
    const ids = await client.completions.create({ model: 'tiny', prompt: tiny.model.tokenize('One'), ...GREEDY })
    expect(ids.choices[0]!.text).toBe(expected[0]!.text)
    expect(answer.usage!.prompt_tokens).toBe(6)
  })

  test('16 tokens unless told', async () => {
    expect((await client.completions.create({ model: 'tiny', prompt: 'x', temperature: 0 })).usage!.completion_tokens).toBeLessThanOrEqual(
      16,
    )
  })

  test('echo the prompt with its logprobs, generating nothing', async () => {
    const answer = await client.completions.create({ model: 'tiny', prompt: 'Hello', echo: true, max_tokens: 0, logprobs: 1 })
    const [choice] = answer.choices
    expect(choice!.text).toBe('Hello')
    expect(choice!.logprobs!.tokens).toEqual(['H', 'e', 'l', 'l', 'o'])
    expect(choice!.logprobs!.text_offset).toEqual([0, 1, 2, 3, 4])
    const known = await tiny.model.generate('Hello', { maxTokens: 0, promptLogprobs: 1 }).done()
    expect(choice!.logprobs!.token_logprobs).toEqual([null, ...known.promptLogprobs!.map(({ logprob }) => logprob)])
  })

  test('stream', async () => {
    const whole = await client.completions.create({ model: 'tiny', prompt: ['One', 'Two'], ...GREEDY, echo: true })
    const texts = ['', '']
    for await (const chunk of await client.completions.create({
      model: 'tiny',
      prompt: ['One', 'Two'],
      ...GREEDY,
      echo: true,
      stream: true,
    }))
      for (const choice of chunk.choices) texts[choice.index] += choice.text
    expect(texts).toEqual(whole.choices.map(choice => choice.text))
  })
})

describe('parameters of other servers', () => {
  /** A completion with parameters OpenAI's client has no types for. */
  const complete = (more: object) => client.completions.create({ model: 'tiny', prompt: 'Hello', max_tokens: 8, ...more } as never)
  type Told = { text: string; finish_reason: string; stop_reason?: unknown; prompt_logprobs?: Record<string, { logprob: number }>[] }
  const choicesOf = async (more: object): Promise<Told[]> => ((await complete(more)) as unknown as { choices: Told[] }).choices
  const own = (options: GenerateOptions) => tiny.model.generate('Hello', { maxTokens: 8, ...options }).done()

  test('say what the library says with the options of the same name', async () => {
    const greedy = await own({ temperature: 0, ignoreEos: true })
    const stop = greedy.tokens[3]!
    const cases: [object, GenerateOptions][] = [
      [
        { temperature: 2, typical_p: 0.3, top_k: 0, top_p: 1, min_p: 0, seed: 5 },
        { temperature: 2, typicalP: 0.3, topK: 0, topP: 1, minP: 0, seed: 5 },
      ],
      [
        { seed: 5, allowed_token_ids: [65, 66], min_tokens: 6 },
        { seed: 5, allowedTokens: [65, 66], minTokens: 6 },
      ],
      [
        { seed: 5, allowed_token_ids: [65, 66], bad_words: ['AA', 'BB'] },
        { seed: 5, allowedTokens: [65, 66], badWords: ['AA', 'BB'] },
      ],
      [
        { temperature: 0, stop_token_ids: [stop] },
        { temperature: 0, stopTokens: [stop] },
      ],
      [
        { temperature: 0, stop_token_ids: [stop], include_stop_str_in_output: true },
        { temperature: 0, stopTokens: [stop], includeStop: true },
      ],
      [
        { temperature: 0, priority: 3, cache_salt: 'a' },
        { temperature: 0, priority: -3, cacheSalt: 'a' },
      ],
    ]
    for (const [asked, options] of cases) {
      const { text, finishReason, stoppedBy } = await own(options)
      expect(await choicesOf(asked), JSON.stringify(asked)).toMatchObject([{ text, finish_reason: finishReason }])
      expect((await choicesOf(asked))[0]!.stop_reason).toBe(stoppedBy)
    }
  })

  test('the best of several, and beams', async () => {
    const best = await own({ seed: 3, temperature: 1, bestOf: 4, returnSequences: 2, logprobs: 0 })
    const told = await choicesOf({ seed: 3, temperature: 1, best_of: 4, n: 2, logprobs: 0 })
    expect(told.map(({ text }) => text)).toEqual(best.sequences!.map(({ text }) => text))
    const beams = await own({ beams: 4, returnSequences: 2, lengthPenalty: 2 })
    const found = await choicesOf({ use_beam_search: true, best_of: 4, n: 2, length_penalty: 2 })
    expect(found.map(({ text }) => text)).toEqual(beams.sequences!.map(({ text }) => text))
    expect((await choicesOf({ use_beam_search: true }))[0]!.text).toBe((await own({ temperature: 0 })).text)
  })

  test('logprobs of the prompt', async () => {
    const [choice] = await choicesOf({ prompt_logprobs: 2, temperature: 0 })
    const known = await own({ promptLogprobs: 2, temperature: 0 })
    expect(choice!.prompt_logprobs).toHaveLength(5)
    expect(choice!.prompt_logprobs![0]).toBe(null)
    for (const [i, told] of known.promptLogprobs!.entries()) {
      const entries = choice!.prompt_logprobs![i + 1]!
      expect(entries[told.token]!.logprob).toBe(told.logprob)
      for (const [rank, top] of told.top.entries()) expect(entries[top.token]).toMatchObject({ logprob: top.logprob, rank: rank + 1 })
    }
  })

  test('thousands of stop texts, and max_tokens past the context', async () => {
    const stop = Array.from({ length: 4_096 }, (_, i) => `none ${i}`)
    const [few, many] = [await choicesOf({ temperature: 0 }), await choicesOf({ temperature: 0, stop })]
    expect(many).toEqual(few)
    const long = (await complete({ max_tokens: 100_000, ignore_eos: true })) as { choices: Told[]; usage: { total_tokens: number } }
    expect([long.choices[0]!.finish_reason, long.usage.total_tokens]).toEqual(['length', 512])
    const failure = await complete({ stop: [...stop, 'x'] }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ status: 400, param: 'stop', code: 'array_above_max_length' })
  })
})

describe('what is wrong is answered as OpenAI does', () => {
  const messages = [...HELLO]
  test.each([
    [{ model: 'tiny' }, 'messages', 'missing_required_parameter'],
    [{ model: 'tiny', messages: [] }, 'messages', 'empty_array'],
    [{ model: 'tiny', messages: 'x' }, 'messages', 'invalid_type'],
    [{ model: 'tiny', messages: [{ role: 'robot', content: 'x' }] }, 'messages[0].role', 'invalid_value'],
    [{ model: 'tiny', messages: [{ role: 'user', content: 5 }] }, 'messages[0].content', 'invalid_type'],
    [{ model: 'tiny', messages: [{ role: 'user', content: 'x', mood: 'good' }] }, 'messages[0].mood', 'unknown_parameter'],
    [
      { model: 'tiny', messages: [{ role: 'user', content: [{ type: 'text' }] }] },
      'messages[0].content[0].text',
      'missing_required_parameter',
    ],
    [{ model: 'tiny', messages, temperature: 'hot' }, 'temperature', 'invalid_type'],
    [{ model: 'tiny', messages, temperature: 3 }, 'temperature', 'integer_above_max_value'],
    [{ model: 'tiny', messages, top_p: -0.5 }, 'top_p', 'decimal_below_min_value'],
    [{ model: 'tiny', messages, n: 0 }, 'n', 'integer_below_min_value'],
    [{ model: 'tiny', messages, n: 1.5 }, 'n', 'invalid_type'],
    [{ model: 'tiny', messages, stop: 'x'.repeat(1_025) }, 'stop', 'string_above_max_length'],
    [{ model: 'tiny', messages, typical_p: 2 }, 'typical_p', 'integer_above_max_value'],
    [{ model: 'tiny', messages, min_tokens: -1 }, 'min_tokens', 'integer_below_min_value'],
    [{ model: 'tiny', messages, allowed_token_ids: [] }, 'allowed_token_ids', 'empty_array'],
    [{ model: 'tiny', messages, bad_words: 'x' }, 'bad_words', 'invalid_type'],
    [{ model: 'tiny', messages, n: 3, best_of: 2 }, 'best_of', 'unsupported_parameter'],
    [{ model: 'tiny', messages, best_of: 2, stream: true }, 'best_of', 'unsupported_parameter'],
    [{ model: 'tiny', messages, use_beam_search: true, stream: true }, 'use_beam_search', 'unsupported_parameter'],
    [{ model: 'tiny', messages, prompt_logprobs: 1, stream: true }, 'prompt_logprobs', 'unsupported_parameter'],
    [{ model: 'tiny', messages, length_penalty: 2 }, 'length_penalty', 'unsupported_parameter'],
    [{ model: 'tiny', messages, tempreature: 1 }, 'tempreature', 'unknown_parameter'],
    [{ model: 'tiny', messages, tools: [{ type: 'function' }] }, 'tools', 'unsupported_parameter'],
    [{ model: 'tiny', messages, response_format: { type: 'json_object' } }, 'response_format', 'unsupported_parameter'],
    [{ model: 'tiny', messages, stream_options: { include_usage: true } }, 'stream_options', 'unsupported_parameter'],
    [{ model: 'tiny', messages, top_logprobs: 2 }, 'top_logprobs', 'unsupported_parameter'],
    [{ model: 'tiny', messages, max_tokens: 0 }, 'max_tokens', 'integer_below_min_value'],
    [{ messages }, 'model', 'missing_required_parameter'],
  ])('%j', async (body, param, code) => {
    const failure = await client.chat.completions.create(body as never).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(BadRequestError)
    expect(failure).toMatchObject({ status: 400, type: 'invalid_request_error', param, code })
    expect((failure as APIError).requestID).toMatch(/^req_/)
  })

  test('an unknown model', async () => {
    const failure = await client.chat.completions.create({ model: 'tony', messages }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(NotFoundError)
    expect(failure).toMatchObject({ param: 'model', code: 'model_not_found', message: expect.stringContaining("did you mean 'tiny'?") })
  })

  test('a prompt longer than the context', async () => {
    const content = 'x'.repeat(600)
    await expect(
      client.chat.completions.create({ model: 'tiny', messages: [{ role: 'user', content }], stream: true }),
    ).rejects.toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
    })
  })

  test('an unknown path', async () => {
    await expect(client.post('/nonsense')).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining('Invalid URL (POST /v1/nonsense)'),
    })
  })
})
