import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, generateText, streamText } from 'ai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveTiny, type TestServer } from '../server.ts'

let tiny: TestServer

beforeAll(async () => {
  tiny = await serveTiny({ apiKeys: ['secret'] })
})
afterAll(() => tiny.close())

const provider = (apiKey: string) => createOpenAICompatible({ name: 'hence', baseURL: `${tiny.url}/v1`, apiKey, includeUsage: true })
const REQUEST = { system: 'Be brief', prompt: 'Hello', temperature: 0, maxOutputTokens: 12, maxRetries: 0 } as const

async function expected(): Promise<string> {
  const messages = [
    { role: 'system', content: 'Be brief' },
    { role: 'user', content: 'Hello' },
  ]
  return (await tiny.model.chat(messages, { temperature: 0, maxTokens: 12 }).done()).text
}

test('generateText', async () => {
  const { text, usage, finishReason } = await generateText({ model: provider('secret')('tiny'), ...REQUEST })
  expect(text).toBe(await expected())
  expect(usage.outputTokens).toBe(12)
  expect(finishReason).toBe('length')
})

test('streamText', async () => {
  const result = streamText({ model: provider('secret')('tiny'), ...REQUEST })
  let text = ''
  for await (const part of result.textStream) text += part
  expect(text).toBe(await expected())
  expect((await result.usage).outputTokens).toBe(12)
})

test('completions', async () => {
  const { text } = await generateText({
    model: provider('secret').completionModel('tiny'),
    prompt: 'Hello',
    temperature: 0,
    maxOutputTokens: 5,
    maxRetries: 0,
  })
  expect(text).not.toBe('')
})

test('a wrong key', async () => {
  const failure = await generateText({ model: provider('wrong')('tiny'), ...REQUEST }).catch((error: unknown) => error)
  expect(APICallError.isInstance(failure) && failure.statusCode).toBe(401)
})
