import { HenceError } from '../../core/index.ts'
import { posteriorsToJson } from '../../reason/index.ts'
import type { ServerContext } from '../context.ts'
import { parseJsonBody } from '../json-body.ts'
import type { Route } from '../route.ts'

/** What a question may take at most, and takes unless it says less: a request must not exhaust the server. */
const LIMITS = { timeoutMs: 30_000, maxCells: 30_000_000, samples: 10_000_000 } as const

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
        const { timeoutMs, maxCells } = LIMITS
        const question = { timeoutMs, maxCells, ...options, signal: exchange.signal }
        return admission.run(1, async () => posteriorsToJson(net, await net.queryAsync(ask as string[] | undefined, question)))
      },
    },
  ]
}

/** The fields of a question; the network checks all but the limits. @throws HenceError `REQUEST_INVALID` */
function questionOf(body: unknown): Record<string, unknown> {
  const question = parseJsonBody(body)
  if (typeof question !== 'object' || question === null || Array.isArray(question))
    throw new HenceError('REQUEST_INVALID', 'The body of a question must be a JSON object with `ask` and `given`')
  const fields = question as Record<string, unknown>
  for (const [name, most] of Object.entries(LIMITS))
    if (Number(fields[name] ?? 0) > most)
      throw new HenceError('REQUEST_INVALID', `The field ${name} may be at most ${most} here`, { param: name })
  return fields
}
