import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { GenerationResult, LanguageModelActivity } from '../core/index.ts'
import type { ModelRegistry } from './model-registry.ts'

const PREFIX = 'hence:'

/** Upper bounds of buckets as vLLM has them, so that its dashboards fit. */
const FIRST_TOKEN_SECONDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
]
const TOKEN_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80]
const REQUEST_SECONDS = [0.01, 0.05, 0.1, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680]
const TENSOR_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const TOKEN_COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000]
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

/** Why an answer ended, as vLLM labels it. */
const FINISHED_REASON = { stop: 'stop', length: 'length', aborted: 'abort' } as const

/** How long something took, how often. */
export interface Latency {
  readonly name: string
  readonly model: string
  readonly count: number
  readonly sumSeconds: number
  /** Upper bounds in seconds with how many were within, above the bound before; null for what is beyond all bounds. */
  readonly buckets: readonly { readonly le: number | null; readonly count: number }[]
}

/**
 * What a server counts, in the Prometheus format. Names and buckets follow vLLM's, under a prefix of our own. Series of a
 * model exist from the start, so that a scraper sees zeros rather than nothing.
 */
export class ServerMetrics {
  readonly registry: Registry = new Registry()
  readonly #promptTokens = this.#counter('prompt_tokens_total', 'Tokens of prompts.', ['model_name'])
  readonly #generationTokens = this.#counter('generation_tokens_total', 'Tokens generated.', ['model_name'])
  readonly #success = this.#counter('request_success_total', 'Answers by why they ended.', ['model_name', 'finished_reason'])
  readonly #firstToken = this.#histogram(
    'time_to_first_token_seconds',
    'From the start of a request to its first token.',
    FIRST_TOKEN_SECONDS,
  )
  readonly #interToken = this.#histogram('inter_token_latency_seconds', 'Between two tokens of an answer.', TOKEN_SECONDS)
  readonly #endToEnd = this.#histogram('e2e_request_latency_seconds', 'From the start of a request to its last token.', REQUEST_SECONDS)
  readonly #queue = this.#histogram('request_queue_time_seconds', 'From the start of a request until a step took it up.', REQUEST_SECONDS)
  readonly #promptSizes = this.#histogram('request_prompt_tokens', 'Tokens of a prompt.', TOKEN_COUNTS)
  readonly #answerSizes = this.#histogram('request_generation_tokens', 'Tokens of an answer.', TOKEN_COUNTS)
  readonly #tensorSeconds = this.#histogram(
    'tensor_request_latency_seconds',
    'From the start of a tensor request to its result.',
    TENSOR_SECONDS,
  )
  readonly #tensorQueue = this.#histogram('tensor_request_queue_time_seconds', 'A tensor request waits for its batch.', TENSOR_SECONDS)
  readonly #batchSizes = this.#histogram('batch_size', 'Rows of a batch of tensor requests.', BATCH_SIZES)
  readonly #batches = this.#counter('batches_total', 'Batches of tensor requests by why they were sent.', ['model_name', 'reason'])
  readonly #http = this.#counter('http_requests_total', 'Requests answered.', ['handler', 'method', 'status'])
  readonly #httpSeconds = new Histogram({
    name: `${PREFIX}http_request_duration_seconds`,
    help: 'From the arrival of a request to the end of its answer.',
    labelNames: ['handler', 'method'],
    buckets: REQUEST_SECONDS,
    registers: [this.registry],
  })

  readonly #models: ModelRegistry

  constructor(models: ModelRegistry, admitted: () => number) {
    this.#models = models
    this.#gauge('num_requests_running', 'Sequences that take part in steps.', models, activity => activity.running)
    this.#gauge('num_requests_waiting', 'Sequences that wait for room.', models, activity => activity.waiting)
    this.#gauge('kv_cache_usage_perc', 'Share of the room for keys and values in use, 0 to 1.', models, ({ kvTokensUsed, kvTokens }) =>
      kvTokens > 0 ? kvTokensUsed / kvTokens : 0,
    )
    const registers = [this.registry]
    const ofProcess = (name: string, help: string, read: () => number): unknown =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read())
        },
      })
    ofProcess(`${PREFIX}num_requests_admitted`, 'Sequences and tensor requests that run or wait in the server.', admitted)
    ofProcess('process_resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss())
    ofProcess('process_start_time_seconds', 'When the process began, in seconds since 1970.', () => performance.timeOrigin / 1_000)
    ofProcess('process_cpu_seconds_total', 'Processor time of the process.', () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    })
    for (const { name } of models.list()) {
      for (const counter of [this.#promptTokens, this.#generationTokens]) counter.inc({ model_name: name }, 0)
      for (const histogram of [this.#firstToken, this.#interToken, this.#endToEnd, this.#queue]) histogram.zero({ model_name: name })
    }
  }

  /** Counts the time between two tokens. */
  countToken(model: string, ms: number): void {
    this.#interToken.observe({ model_name: model }, ms / 1_000)
  }

  /** Counts a finished answer. */
  countAnswer(model: string, { usage, timings, finishReason }: GenerationResult): void {
    const labels = { model_name: model }
    this.#promptTokens.inc(labels, usage.promptTokens)
    this.#generationTokens.inc(labels, usage.completionTokens)
    this.#success.inc({ ...labels, finished_reason: FINISHED_REASON[finishReason] })
    if (usage.completionTokens > 0) this.#firstToken.observe(labels, timings.timeToFirstTokenMs / 1_000)
    this.#endToEnd.observe(labels, timings.totalMs / 1_000)
    this.#queue.observe(labels, timings.queueMs / 1_000)
    this.#promptSizes.observe(labels, usage.promptTokens)
    this.#answerSizes.observe(labels, usage.completionTokens)
  }

  /** Counts an answer that failed. */
  countFailure(model: string): void {
    this.#success.inc({ model_name: model, finished_reason: 'error' })
  }

  /** Counts a batch of tensor requests. */
  countBatch(model: string, rows: number, reason: string): void {
    this.#batchSizes.observe({ model_name: model }, rows)
    this.#batches.inc({ model_name: model, reason })
  }

  /** Counts a tensor request. */
  countTensorRequest(model: string, { totalMs, queueMs }: { readonly totalMs: number; readonly queueMs: number }): void {
    this.#tensorSeconds.observe({ model_name: model }, totalMs / 1_000)
    this.#tensorQueue.observe({ model_name: model }, queueMs / 1_000)
  }

  /** Counts a request of any kind. `handler` is a route, never a path that somebody made up. */
  countHttp(handler: string, method: string, status: number, ms: number): void {
    this.#http.inc({ handler, method, status })
    this.#httpSeconds.observe({ handler, method }, ms / 1_000)
  }

  /** The histograms of time, as buckets that do not contain one another. */
  async latencies(): Promise<Latency[]> {
    const shown = [this.#firstToken, this.#interToken, this.#endToEnd, this.#tensorSeconds]
    const found: Latency[] = []
    for (const histogram of shown) {
      const { name, values } = await histogram.get()
      for (const { name: model } of this.#models.list()) found.push(latencyOf(name.slice(PREFIX.length), model, values))
    }
    return found.filter(({ count }) => count > 0)
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name: PREFIX + name, help, labelNames: [...labelNames], registers: [this.registry] })
  }

  #histogram(name: string, help: string, buckets: readonly number[]): Histogram<'model_name'> {
    return new Histogram({ name: PREFIX + name, help, labelNames: ['model_name'], buckets: [...buckets], registers: [this.registry] })
  }

  /** A number read from every language model when it is asked for; 0 until the model is loaded. */
  #gauge(name: string, help: string, models: ModelRegistry, read: (activity: LanguageModelActivity) => number): void {
    new Gauge({
      name: PREFIX + name,
      help,
      labelNames: ['model_name'],
      registers: [this.registry],
      collect() {
        for (const { name: model_name, model } of models.list())
          if (!model || model.kind === 'language') this.set({ model_name }, model ? read(model.activity()) : 0)
      },
    })
  }
}

function latencyOf(
  name: string,
  model: string,
  values: readonly { metricName?: string; value: number; labels: { le?: string | number; model_name?: string | number } }[],
): Latency {
  const own = values.filter(({ labels }) => labels.model_name === model)
  const read = (suffix: string): number => own.find(({ metricName }) => metricName?.endsWith(suffix))?.value ?? 0
  let below = 0
  const buckets = own
    .filter(({ metricName }) => metricName?.endsWith('_bucket'))
    .map(({ labels, value }) => {
      const count = value - below
      below = value
      return { le: typeof labels.le === 'number' ? labels.le : null, count }
    })
  return { name, model, count: read('_count'), sumSeconds: read('_sum'), buckets }
}
