import { HenceError, type TensorModel, type TensorModelDescription, type ValueDescription } from '../../core/index.ts'
import type { Exchange, ServerContext } from '../context.ts'
import { DynamicBatcher } from '../dynamic-batcher.ts'
import { type Route, RouteReply, type RouteRequest } from '../route.ts'
import type { ServerSettings } from '../serve-options.ts'
import { datatypeOf } from './datatypes.ts'
import { readInferRequest } from './infer-request.ts'
import { inferReply } from './infer-response.ts'

/** Models have one version here. */
const VERSION = '1'

/**
 * The routes of the Open Inference Protocol, with the binary tensor data extension.
 * Source: https://github.com/kserve/open-inference-protocol
 */
export function oipRoutes(
  context: ServerContext,
  batching: ServerSettings['batching'],
  version: string,
  isDraining: () => boolean,
): Route[] {
  const { models } = context
  const batchers = new WeakMap<TensorModel, DynamicBatcher>()
  const batcherOf = (name: string, model: TensorModel): DynamicBatcher => {
    const onBatch = (rows: number, reason: string): void => context.metrics.countBatch(name, rows, reason)
    const batcher = batchers.get(model) ?? new DynamicBatcher(model, { ...batching, onBatch })
    batchers.set(model, batcher)
    return batcher
  }
  const infer = (request: RouteRequest, exchange: Exchange): Promise<RouteReply> => {
    const name = nameOf(request)
    const model = models.tensor(name)
    exchange.note({ model: name })
    return context.admission.run(1, () => answerInfer({ name, model, batcher: batcherOf(name, model), context }, request, exchange))
  }
  const ready = async (request: RouteRequest): Promise<RouteReply> => {
    const isReady = models.entry(nameOf(request)).state === 'ready'
    return jsonReply(isReady ? 200 : 503, { name: request.params['model'], ready: isReady })
  }
  const metadata = async (request: RouteRequest): Promise<unknown> => metadataOf(nameOf(request), models.tensor(nameOf(request)).describe())
  return [
    { method: 'GET', path: '/v2', answer: async () => ({ name: 'hence', version, extensions: ['binary_tensor_data'] }) },
    { method: 'GET', path: '/v2/health/live', isPublic: true, answer: async () => ({ live: true }) },
    {
      method: 'GET',
      path: '/v2/health/ready',
      isPublic: true,
      answer: async () => {
        const isReady = models.isReady && !isDraining()
        return jsonReply(isReady ? 200 : 503, { ready: isReady })
      },
    },
    { method: 'GET', path: '/v2/models', answer: async () => ({ models: models.list().map(({ name }) => name) }) },
    ...['/v2/models/:model', '/v2/models/:model/versions/:version'].flatMap((path): Route[] => [
      { method: 'GET', path, answer: metadata },
      { method: 'GET', path: `${path}/ready`, answer: ready },
      { method: 'POST', path: `${path}/infer`, answer: infer },
    ]),
  ]
}

/** Who answers a request for inference. */
interface Inference {
  readonly name: string
  readonly model: TensorModel
  readonly batcher: DynamicBatcher
  readonly context: ServerContext
}

async function answerInfer(
  { name, model, batcher, context }: Inference,
  { headers, body }: RouteRequest,
  exchange: Exchange,
): Promise<RouteReply> {
  const begun = performance.now()
  const headerLength = headers['inference-header-content-length']
  const bytes = Buffer.isBuffer(body) ? body : new Uint8Array()
  const request = readInferRequest(model.describe(), bytes, Array.isArray(headerLength) ? headerLength[0] : headerLength)
  const deadline = request.timeoutUs === undefined ? undefined : AbortSignal.timeout(Math.min(request.timeoutUs / 1_000, 2 ** 31 - 1))
  try {
    const { outputs, queueMs, computeMs, rows, requests, reason } = await batcher.run(
      request.inputs,
      deadline ? AbortSignal.any([exchange.signal, deadline]) : exchange.signal,
    )
    context.metrics.countTensorRequest(name, { totalMs: performance.now() - begun, queueMs })
    return inferReply({ model_name: name, model_version: VERSION }, request, outputs, {
      'server-timing': `queue;dur=${queueMs.toFixed(2)}, compute;dur=${computeMs.toFixed(2)}`,
      'x-batch': `rows=${rows}, requests=${requests}, reason=${reason}`,
    })
  } catch (error) {
    if (deadline?.aborted && !exchange.signal.aborted)
      throw new HenceError('REQUEST_INVALID', `the request took longer than its timeout of ${request.timeoutUs} µs`, { status: 504 })
    throw error
  }
}

/** @throws HenceError `MODEL_UNKNOWN` for other versions */
function nameOf({ params }: RouteRequest): string {
  const { model = '', version = VERSION } = params
  if (version === VERSION) return model
  throw new HenceError('MODEL_UNKNOWN', `the model '${model.slice(0, 100)}' has no version '${version.slice(0, 100)}', only '${VERSION}'`)
}

function metadataOf(name: string, { format, inputs, optionalInputs, outputs }: TensorModelDescription): unknown {
  return {
    name,
    versions: [VERSION],
    platform: `hence_${format}`,
    inputs: [...inputs.map(describeValue), ...optionalInputs.map(value => ({ ...describeValue(value), parameters: { optional: true } }))],
    outputs: outputs.map(describeValue),
  }
}

function describeValue({ name, dtype, shape }: ValueDescription): { name: string; datatype: string; shape: number[] } {
  return {
    name,
    datatype: (dtype && (datatypeOf(dtype) ?? dtype.toUpperCase())) ?? 'UNKNOWN',
    shape: shape?.map(dim => (typeof dim === 'number' ? dim : -1)) ?? [-1],
  }
}

function jsonReply(status: number, document: unknown): RouteReply {
  return new RouteReply(status, { 'content-type': 'application/json; charset=utf-8' }, JSON.stringify(document))
}
