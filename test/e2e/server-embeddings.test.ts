import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TensorModel } from '../../src/core/index.ts'
import { type RunningServer, serve } from '../../src/server/index.ts'
import { embedText, load } from '../../src/tasks/index.ts'
import { describeWithTestdata, testdata } from '../testdata.ts'

describeWithTestdata('embeddings', () => {
  let model: TensorModel
  let server: RunningServer
  let client: OpenAI

  beforeAll(async () => {
    model = await load(testdata('refs', 'bert'), { kind: 'tensor' })
    server = await serve({ models: { bert: model }, port: 0 })
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
  })
  afterAll(async () => {
    await server.close()
    await model[Symbol.asyncDispose]()
  })

  test('are those of embedText, as numbers and as the bytes that clients ask for', async () => {
    const input = ['A quiet engineer repairs the clock.', 'x']
    const { data, shape } = await embedText(model, input)
    const expected = [0, 1].map(i => Array.from(data.subarray(i * shape[1]!, (i + 1) * shape[1]!)))
    // The client asks for base64 by itself and decodes it.
    const answer = await client.embeddings.create({ model: 'bert', input })
    expect(answer.data.map(({ embedding }) => Array.from(embedding))).toEqual(expected)
    const floats = await client.embeddings.create({ model: 'bert', input: input[0]!, encoding_format: 'float' })
    expect(floats.data).toEqual([{ object: 'embedding', index: 0, embedding: expected[0] }])
    expect(floats.usage).toEqual({ prompt_tokens: 9, total_tokens: 9 })
  })

  test.each([
    [{ input: '' }, 'empty_string', 'input'],
    [{ input: [] }, 'empty_array', 'input'],
    [{}, 'missing_required_parameter', 'input'],
    [{ input: [1, 2] }, 'unsupported_parameter', 'input'],
    [{ input: 'x', dimensions: 5 }, 'unsupported_parameter', 'dimensions'],
    [{ input: 'x', encoding_format: 'hex' }, 'invalid_value', 'encoding_format'],
    [{ input: 'word '.repeat(2_000) }, 'context_length_exceeded', null],
  ])('%j is refused', async (body, code, param) => {
    await expect(client.embeddings.create({ model: 'bert', ...body } as never)).rejects.toMatchObject({ status: 400, code, param })
  })
})
