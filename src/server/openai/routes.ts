import type { ServerContext } from '../context.ts'
import { parseJsonBody } from '../json-body.ts'
import type { ModelEntry } from '../model-registry.ts'
import type { Route } from '../route.ts'
import { answerChat } from './chat.ts'
import { answerCompletion } from './completions.ts'
import { answerEmbeddings } from './embeddings.ts'

/** The routes of OpenAI's API. */
export function openAiRoutes(context: ServerContext): Route[] {
  const { models } = context
  return [
    { method: 'GET', path: '/v1/models', answer: async () => ({ object: 'list', data: models.list().map(modelObject) }) },
    { method: 'GET', path: '/v1/models/*', answer: async ({ params }) => modelObject(models.entry(params['*'] ?? '')) },
    {
      method: 'POST',
      path: '/v1/chat/completions',
      answer: async ({ body }, exchange) => answerChat(parseJsonBody(body), context, exchange),
    },
    {
      method: 'POST',
      path: '/v1/completions',
      answer: async ({ body }, exchange) => answerCompletion(parseJsonBody(body), context, exchange),
    },
    {
      method: 'POST',
      path: '/v1/embeddings',
      answer: async ({ body }, exchange) => answerEmbeddings(parseJsonBody(body), context, exchange),
    },
  ]
}

function modelObject({ name, created }: ModelEntry): unknown {
  return { id: name, object: 'model', created, owned_by: 'hence' }
}
