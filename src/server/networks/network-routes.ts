import { HenceError } from '../../core/index.ts'
import { posteriorsToJson } from '../../reason/index.ts'
import type { ServerContext } from '../context.ts'
import { parseJsonBody } from '../json-body.ts'
import type { Route } from '../route.ts'

/** Longest a question may compute unless it says otherwise. */
const TIMEOUT_MS = 30_000

/** Questions to Bayesian networks. The parameters of a question are those of the network's tool, which is a JSON schema. */
export function networkRoutes({ models, admission }: ServerContext): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/networks/:model',
      async answer({ params }) {
        const name = params['model'] ?? ''
        const { name: tool, description, parameters } = models.network(name).asTool()
        return { name, tool: { type: 'function', function: { name: tool, description, parameters } } }
      },
    },
    {
      method: 'POST',
      path: '/v1/networks/:model/query',
      async answer({ params, body }, exchange) {
        const name = params['model'] ?? ''
        const net = models.network(name)
        exchange.note({ model: name })
        const { ask, ...options } = questionOf(body)
        const question = { timeoutMs: TIMEOUT_MS, ...options, signal: exchange.signal }
        return admission.run(1, async () => posteriorsToJson(net, await net.queryAsync(ask as string[] | undefined, question)))
      },
    },
  ]
}

/** The fields of a question; the network checks them. @throws HenceError `REQUEST_INVALID` */
function questionOf(body: unknown): Record<string, unknown> {
  const question = parseJsonBody(body)
  if (typeof question === 'object' && question !== null && !Array.isArray(question)) return question as Record<string, unknown>
  throw new HenceError('REQUEST_INVALID', 'The body of a question must be a JSON object with `ask` and `given`')
}
