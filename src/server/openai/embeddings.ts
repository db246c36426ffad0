import { z } from 'zod'
import { embedText } from '../../tasks/index.ts'
import type { Exchange, ServerContext } from '../context.ts'
import { checkRequest, unsupported } from './invalid-request.ts'

/** Most texts of one request, as OpenAI's API has it. */
const MAX_TEXTS = 2_048

/** Body of POST /v1/embeddings. */
export interface EmbeddingRequest {
  readonly model: string
  readonly input: string | readonly string[] | readonly number[] | readonly (readonly number[])[]
  readonly encoding_format?: 'float' | 'base64' | null | undefined
  readonly dimensions?: number | null | undefined
  readonly user?: string | null | undefined
}

const TEXT = z.string().min(1)

/** How an {@link EmbeddingRequest} is checked. */
export const EMBEDDING_REQUEST: z.ZodType<EmbeddingRequest> = z.strictObject({
  model: z.string().describe('A name that GET /v1/models lists.'),
  input: z.union([
    TEXT,
    z.array(TEXT).min(1).max(MAX_TEXTS),
    z.array(z.int()).min(1).describe('Not offered by this server.'),
    z.array(z.array(z.int())).min(1).describe('Not offered by this server.'),
  ]),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish().describe('Only as many as the model gives.'),
  user: z.string().nullish().describe('Taken and not used.'),
})

/** Answers POST /v1/embeddings. */
export async function answerEmbeddings(body: unknown, context: ServerContext, exchange: Exchange): Promise<unknown> {
  const request = checkRequest(EMBEDDING_REQUEST, body)
  const texts = textsOf(request)
  const model = context.models.tensor(request.model)
  exchange.note({ model: request.model })
  return context.admission.run(1, async () => {
    let tokens = 0
    const { data, shape } = await embedText(model, texts, {
      truncate: false,
      signal: exchange.signal,
      onTokens: count => {
        tokens += count.tokens
      },
    })
    const width = shape[1]!
    if (request.dimensions && request.dimensions !== width) throw unsupported('dimensions', `must be ${width} with this model`)
    exchange.note({ promptTokens: tokens })
    const isBase64 = request.encoding_format === 'base64'
    return {
      object: 'list',
      model: request.model,
      data: texts.map((_, index) => {
        const vector = data.subarray(index * width, (index + 1) * width)
        return { object: 'embedding', index, embedding: isBase64 ? base64(vector) : Array.from(vector) }
      }),
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    }
  })
}

function textsOf({ input }: EmbeddingRequest): readonly string[] {
  if (typeof input === 'string') return [input]
  if (typeof input[0] === 'string') return input as readonly string[]
  throw unsupported('input', 'as token ids is not offered by this server; send texts')
}

function base64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}
