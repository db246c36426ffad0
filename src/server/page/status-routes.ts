import { HenceError, type LanguageModel, packageVersion, type TensorModel } from '../../core/index.ts'
import { classifyImage, imageInputOf, type NetworkModel } from '../../tasks/index.ts'
import type { ServerContext } from '../context.ts'
import type { ModelEntry } from '../model-registry.ts'
import type { Route } from '../route.ts'

/** What the page asks beside the public protocols. It may change with any version. */
export function statusRoutes(context: ServerContext): Route[] {
  const { models, metrics } = context
  return [
    {
      method: 'GET',
      path: '/hence/status',
      answer: async () => ({
        version: packageVersion(),
        uptimeSeconds: process.uptime(),
        memoryBytes: process.memoryUsage.rss(),
        admitted: context.admission.admitted,
        models: models.list().map(modelStatus),
        latencies: await metrics.latencies(),
      }),
    },
    {
      method: 'POST',
      path: '/hence/models/:model/classify-image',
      async answer({ params, body }, exchange) {
        const name = params['model'] ?? ''
        const model = models.tensor(name)
        exchange.note({ model: name })
        if (!Buffer.isBuffer(body)) throw new HenceError('REQUEST_INVALID', 'the body must be a picture')
        const { classes } = await context.admission.run(1, () => classifyImage(model, new Uint8Array(body), { signal: exchange.signal }))
        return { classes }
      },
    },
  ]
}

function modelStatus({ name, state, model }: ModelEntry): unknown {
  if (!model) return { name, state }
  switch (model.kind) {
    case 'language':
      return { name, state, ...languageStatus(model) }
    case 'tensor':
      return { name, state, ...tensorStatus(model) }
    case 'network':
      return { name, state, ...networkStatus(model) }
  }
}

function languageStatus(model: LanguageModel): object {
  const { architecture, parameters, context, precision, memory, backend, hasTokenizer, hasChatTemplate, sampling } = model.describe()
  const { weightBytes, kvPoolBytes, arenaBytes } = memory
  return {
    kind: 'language',
    architecture,
    parameters,
    context,
    precision,
    backend: backend?.name ?? null,
    memory: { weightBytes, kvPoolBytes, arenaBytes },
    hasTokenizer,
    hasChatTemplate,
    sampling,
    activity: model.activity(),
  }
}

function tensorStatus(model: TensorModel): object {
  const { format, parameters, weightBytes, precision, backend, inputs, outputs } = model.describe()
  return {
    kind: 'tensor',
    architecture: format,
    parameters,
    precision,
    backend: backend?.name ?? null,
    memory: { weightBytes },
    inputs,
    outputs,
    takesPictures: inputs.length === 1 && imageInputOf(inputs[0]!) !== undefined && outputs.length === 1,
  }
}

function networkStatus(model: NetworkModel): object {
  const { format, cells, variables } = model.describe()
  return { kind: 'network', architecture: `${format}, ${variables} variables`, parameters: cells }
}
