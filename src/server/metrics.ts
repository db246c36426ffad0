import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { GenerationResult, LanguageModelActivity } from '../core/index.ts'
import type { ModelRegistry } from './model-registry.ts'
import type { ServeOptions } from './serve-options.ts'
import { registerStepMetrics } from './step-metrics.ts'

const PREFIX = 'hence:'

/** One process has one engine; vLLM numbers its own. */
const ENGINE = '0'

/** Upper bounds of buckets as vLLM has them, so that its dashboards fit, and for small models some below its smallest. */
const FIRST_TOKEN_SECONDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
]
const TOKEN_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80]
const REQUEST_SECONDS = [0.01, 0.05, 0.1, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680]
const TENSOR_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const TOKEN_COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000]
const ANSWER_COUNTS = [1, 2, 5, 10, 20]
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

/** Why an answer ended, as vLLM labels it. */
const FINISHED_REASON = { stop: 'stop', length: 'length', aborted: 'abort' } as const

const TEXT_LABELS = ['model_name', 'engine'] as const
type TextLabel = (typeof TEXT_LABELS)[number]

function labelsOf(model: string): Record<TextLabel, string> {
  return { model_name: model, engine: ENGINE }
}

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
  readonly #textHistograms: Histogram<TextLabel>[] = []
  readonly #promptTokens = this.#counter('prompt_tokens_total', 'Tokens of prompts.', TEXT_LABELS)
  readonly #cachedTokens = this.#counter('prompt_tokens_cached_total', 'Tokens of prompts that had been computed before.', TEXT_LABELS)
  readonly #generationTokens = this.#counter('generation_tokens_total', 'Tokens generated.', TEXT_LABELS)
  readonly #success = this.#counter('request_success_total', 'Answers by why they ended.', [...TEXT_LABELS, 'finished_reason'])
  readonly #firstToken = this.#textHistogram(
    'time_to_first_token_seconds',
    'From the start of a request to its first token.',
    FIRST_TOKEN_SECONDS,
  )
  readonly #interToken = this.#textHistogram('inter_token_latency_seconds', 'Between two tokens of an answer.', TOKEN_SECONDS)
  readonly #endToEnd = this.#textHistogram('e2e_request_latency_seconds', 'From the start of a request to its last token.', REQUEST_SECONDS)
  readonly #queue = this.#textHistogram(
    'request_queue_time_seconds',
    'From the start of a request until a step took it up.',
    REQUEST_SECONDS,
  )
  readonly #promptSizes = this.#textHistogram('request_prompt_tokens', 'Tokens of a prompt.', TOKEN_COUNTS)
  readonly #answerSizes = this.#textHistogram('request_generation_tokens', 'Tokens of an answer.', TOKEN_COUNTS)
  readonly #longestSizes = this.#textHistogram(
    'request_max_num_generation_tokens',
    'Tokens of the longest answer to a prompt.',
    TOKEN_COUNTS,
  )
  readonly #prefill = this.#textHistogram(
    'request_prefill_time_seconds',
    'From when a step took a request up to its first token.',
    REQUEST_SECONDS,
  )
  readonly #decode = this.#textHistogram('request_decode_time_seconds', 'From the first token of an answer to its last.', REQUEST_SECONDS)
  readonly #inference = this.#textHistogram(
    'request_inference_time_seconds',
    'From when a step took a request up to its last token.',
    REQUEST_SECONDS,
  )
  readonly #meanToken = this.#textHistogram(
    'request_time_per_output_token_seconds',
    'Mean time between two tokens of an answer.',
    TOKEN_SECONDS,
  )
  readonly #askedAnswers = this.#textHistogram('request_params_n', 'Answers a request wants to a prompt.', ANSWER_COUNTS)
  readonly #askedTokens = this.#textHistogram('request_params_max_tokens', 'Tokens a request wants at most.', TOKEN_COUNTS)
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

  constructor(models: ModelRegistry, admitted: () => number, readBandwidth?: ServeOptions['readBandwidth']) {
    this.#models = models
    this.#gauge('num_requests_running', 'Sequences that take part in steps.', models, activity => activity.running)
    this.#gauge('num_requests_waiting', 'Sequences that wait for room.', models, activity => activity.waiting)
    this.#gauge('kv_cache_usage_perc', 'Share of the room for keys and values in use, 0 to 1.', models, ({ kvTokensUsed, kvTokens }) =>
      kvTokens > 0 ? kvTokensUsed / kvTokens : 0,
    )
    this.#total('num_preemptions_total', 'Sequences that gave their room to others.', models, ({ preemptions }) => preemptions)
    this.#total('prefix_cache_queries_total', 'Tokens looked for among those computed before.', models, one => one.prefixQueries)
    this.#total('prefix_cache_hits_total', 'Tokens found among those computed before.', models, one => one.prefixHits)
    this.#cacheInfo(models)
    registerStepMetrics(this.registry, models, { prefix: PREFIX, labelNames: TEXT_LABELS, labelsOf, readBandwidth })
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
      const labels = labelsOf(name)
      for (const counter of [this.#promptTokens, this.#cachedTokens, this.#generationTokens]) counter.inc(labels, 0)
      for (const finished_reason of [...Object.values(FINISHED_REASON), 'error']) this.#success.inc({ ...labels, finished_reason }, 0)
      for (const histogram of this.#textHistograms) histogram.zero(labels)
    }
  }

  /** Counts the time between two tokens. */
  countToken(model: string, ms: number): void {
    this.#interToken.observe(labelsOf(model), ms / 1_000)
  }

  /** Counts what a request asks for. */
  countRequest(model: string, { answers, maxTokens }: { readonly answers: number; readonly maxTokens: number | undefined }): void {
    this.#askedAnswers.observe(labelsOf(model), answers)
    if (maxTokens !== undefined) this.#askedTokens.observe(labelsOf(model), maxTokens)
  }

  /** Counts the longest of the answers to a prompt. */
  countLongest(model: string, tokens: number): void {
    this.#longestSizes.observe(labelsOf(model), tokens)
  }

  /** Counts a finished answer. */
  countAnswer(model: string, { usage, timings, finishReason }: GenerationResult): void {
    const labels = labelsOf(model)
    const { queueMs, timeToFirstTokenMs, totalMs } = timings
    this.#promptTokens.inc(labels, usage.promptTokens)
    this.#cachedTokens.inc(labels, usage.cachedTokens ?? 0)
    this.#generationTokens.inc(labels, usage.completionTokens)
    this.#success.inc({ ...labels, finished_reason: FINISHED_REASON[finishReason] })
    this.#endToEnd.observe(labels, totalMs / 1_000)
    this.#queue.observe(labels, queueMs / 1_000)
    this.#inference.observe(labels, (totalMs - queueMs) / 1_000)
    this.#promptSizes.observe(labels, usage.promptTokens)
    this.#answerSizes.observe(labels, usage.completionTokens)
    if (usage.completionTokens === 0) return
    const decodeMs = totalMs - timeToFirstTokenMs
    this.#firstToken.observe(labels, timeToFirstTokenMs / 1_000)
    this.#prefill.observe(labels, (timeToFirstTokenMs - queueMs) / 1_000)
    this.#decode.observe(labels, decodeMs / 1_000)
    if (usage.completionTokens > 1) this.#meanToken.observe(labels, decodeMs / (usage.completionTokens - 1) / 1_000)
  }

  /** Counts an answer that failed. */
  countFailure(model: string): void {
    this.#success.inc({ ...labelsOf(model), finished_reason: 'error' })
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

  #textHistogram(name: string, help: string, buckets: readonly number[]): Histogram<TextLabel> {
    const labelNames = [...TEXT_LABELS]
    const histogram = new Histogram({ name: PREFIX + name, help, labelNames, buckets: [...buckets], registers: [this.registry] })
    this.#textHistograms.push(histogram)
    return histogram
  }

  /** A sum every language model keeps itself, read when it is asked for. */
  #total(name: string, help: string, models: ModelRegistry, read: (activity: LanguageModelActivity) => number | undefined): void {
    new Counter({
      name: PREFIX + name,
      help,
      labelNames: [...TEXT_LABELS],
      registers: [this.registry],
      collect() {
        this.reset()
        for (const { name: model, model: loaded } of models.list())
          if (!loaded || loaded.kind === 'language') this.inc(labelsOf(model), (loaded && read(loaded.activity())) ?? 0)
      },
    })
  }

  /** How the room for keys and values is divided, once that is known: what routers count in. */
  #cacheInfo(models: ModelRegistry): void {
    new Gauge({
      name: `${PREFIX}cache_config_info`,
      help: 'Blocks for keys and values.',
      labelNames: [...TEXT_LABELS, 'block_size', 'num_gpu_blocks'],
      registers: [this.registry],
      collect() {
        for (const { name, model } of models.list()) {
          const { kvTokens = 0, kvBlockTokens } = (model?.kind === 'language' && model.activity()) || {}
          if (kvBlockTokens === undefined) continue
          const blocks = { block_size: String(kvBlockTokens), num_gpu_blocks: String(kvTokens / kvBlockTokens) }
          this.set({ ...labelsOf(name), ...blocks }, 1)
        }
      },
    })
  }

  /** A number read from every language model when it is asked for; 0 until the model is loaded. */
  #gauge(name: string, help: string, models: ModelRegistry, read: (activity: LanguageModelActivity) => number): void {
    new Gauge({
      name: PREFIX + name,
      help,
      labelNames: [...TEXT_LABELS],
      registers: [this.registry],
      collect() {
        for (const { name: model, model: loaded } of models.list())
          if (!loaded || loaded.kind === 'language') this.set(labelsOf(model), loaded ? read(loaded.activity()) : 0)
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
