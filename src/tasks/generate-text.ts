import type { FinishReason, Generation, GenerationDelta, GenerationResult, GenerationTimings, TokenLogprobs } from '../core/index.ts'
import { isHenceError } from '../core/index.ts'
import { type LogitBias, logprobsOf, Sampler, type Sampling, type SequenceHandler, type SequenceOptions, StopWatch } from '../llm/index.ts'
import type { StreamDetokenizer } from '../text/index.ts'

/** What writes sequences: an engine, or one with something before the sequence. */
export interface SequenceWriter {
  /** Works on a sequence until its handler gives no further token. */
  run(tokens: readonly number[], handler: SequenceHandler, options?: SequenceOptions): Promise<void>
}

/** A checked request for text. */
export interface TextRequest {
  readonly prompt: readonly number[]
  /** Tokens the caller gave, where these are others than the prompt's. */
  readonly promptTokens?: number
  readonly sampling: Sampling
  readonly seed: number
  readonly logitBias: LogitBias
  /** Prompt and answer fit into the context together. */
  readonly maxTokens: number
  /** How many of the likeliest tokens to tell at each place of the answer; undefined for no logprobs at all. */
  readonly logprobs: number | undefined
  readonly promptLogprobs: number | undefined
  readonly endTokens: ReadonlySet<number>
  readonly stops: readonly string[]
  /** Absent without a tokenizer; then there are tokens but no text. */
  readonly detokenizer: StreamDetokenizer | undefined
  readonly signal?: AbortSignal | undefined
}

/** One answer of the engine as a stream of pieces; it starts when it is first asked for something. */
export class TextGeneration implements Generation, SequenceHandler {
  readonly #engine: SequenceWriter
  readonly #request: TextRequest
  readonly #sampler: Sampler
  readonly #stops: StopWatch
  readonly #controller = new AbortController()
  readonly #queue: GenerationDelta[] = []
  readonly #tokens: number[] = []
  readonly #logprobs: TokenLogprobs[] = []
  readonly #promptLogprobs: TokenLogprobs[] = []
  #text = ''
  #finishReason: FinishReason | undefined
  #result: Promise<GenerationResult> | undefined
  #isOver = false
  #wake: (() => void) | undefined
  #begunAt = 0
  #startedAt = 0
  #firstTokenAt = 0

  constructor(engine: SequenceWriter, request: TextRequest) {
    this.#engine = engine
    this.#request = request
    this.#sampler = new Sampler(request.sampling, request.seed, request.prompt, request.logitBias)
    this.#stops = new StopWatch(request.stops)
  }

  done(): Promise<GenerationResult> {
    this.#result ??= this.#run()
    return this.#result
  }

  async *[Symbol.asyncIterator](): AsyncIterator<GenerationDelta> {
    const result = this.done()
    // The rejection is reported below.
    result.catch(() => {})
    try {
      for (;;) {
        while (this.#queue.length > 0) yield this.#queue.shift()!
        if (this.#isOver) break
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
      await result
    } finally {
      this.#controller.abort()
    }
  }

  onStart(): void {
    this.#startedAt = performance.now()
  }

  /** All rows of the prompt, as long as some of their logprobs are to be told. */
  get firstRow(): number | undefined {
    const { promptLogprobs, prompt } = this.#request
    const known = this.#promptLogprobs.length
    return promptLogprobs === undefined || known >= prompt.length - 1 ? undefined : known
  }

  onLogits(rows: Float32Array, position: number, count: number): number | undefined {
    const { prompt, maxTokens } = this.#request
    const vocabulary = rows.length / count
    this.#tellPrompt(rows, position, count, vocabulary)
    // Rows of a prompt that is not yet whole.
    if (position + count < prompt.length + this.#tokens.length) return undefined
    if (maxTokens > 0) return this.#next(rows.subarray(rows.length - vocabulary))
    this.#finishReason = 'length'
    return undefined
  }

  #tellPrompt(rows: Float32Array, position: number, count: number, vocabulary: number): void {
    const { prompt, promptLogprobs } = this.#request
    if (promptLogprobs === undefined) return
    // Each row tells of the token after it; rows come again when the sequence had to start over.
    for (let i = 0; i < count; i++) {
      const next = position + i + 1
      if (next >= prompt.length || next !== this.#promptLogprobs.length + 1) continue
      this.#promptLogprobs.push(logprobsOf(rows.subarray(i * vocabulary, (i + 1) * vocabulary), prompt[next]!, promptLogprobs))
    }
  }

  /** Draws a token, and decides what of the text is certain and whether the answer goes on. */
  #next(logits: Float32Array): number | undefined {
    const { endTokens, maxTokens, detokenizer } = this.#request
    const token = this.#sampler.next(logits)
    if (this.#firstTokenAt === 0) this.#firstTokenAt = performance.now()
    if (endTokens.has(token)) {
      this.#finishReason = 'stop'
      this.#emit(this.#rest(''), token)
      return undefined
    }
    this.#tokens.push(token)
    if (this.#request.logprobs !== undefined) this.#logprobs.push(logprobsOf(logits, token, this.#request.logprobs))
    const { text, isStopped } = this.#stops.push(detokenizer?.push(token) ?? '')
    if (isStopped) this.#finishReason = 'stop'
    else if (this.#tokens.length === maxTokens) this.#finishReason = 'length'
    this.#emit(this.#finishReason === 'length' ? this.#rest(text) : text, token)
    return this.#finishReason === undefined ? token : undefined
  }

  /** `text` and whatever was held back until now. */
  #rest(text: string): string {
    const { text: last, isStopped } = this.#stops.push(this.#request.detokenizer?.flush() ?? '')
    return text + last + (isStopped ? '' : this.#stops.flush())
  }

  #emit(text: string, token: number): void {
    // The end token is no part of the answer; its piece only carries text that was held back.
    if (this.#request.endTokens.has(token) && text === '') return
    this.#text += text
    const logprobs = this.#request.endTokens.has(token) ? undefined : this.#logprobs.at(-1)
    this.#queue.push({ text, token, ...(logprobs ? { logprobs } : {}) })
    this.#wake?.()
  }

  async #run(): Promise<GenerationResult> {
    const { prompt, promptTokens = prompt.length, signal, seed, logprobs, promptLogprobs } = this.#request
    this.#begunAt = performance.now()
    const onAbort = (): void => this.#controller.abort(signal?.reason)
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await this.#engine.run(prompt, this, { signal: this.#controller.signal })
    } catch (error) {
      if (!isHenceError(error, 'ABORTED') || !this.#controller.signal.aborted) throw error
      this.#finishReason = 'aborted'
      this.#text += this.#stops.flush()
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#isOver = true
      this.#wake?.()
    }
    const completionTokens = this.#tokens.length
    return {
      text: this.#text,
      tokens: this.#tokens,
      finishReason: this.#finishReason!,
      usage: { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens },
      timings: this.#timings(performance.now()),
      seed,
      ...(logprobs === undefined ? {} : { logprobs: this.#logprobs }),
      ...(promptLogprobs === undefined ? {} : { promptLogprobs: this.#promptLogprobs }),
    }
  }

  #timings(now: number): GenerationTimings {
    const started = this.#startedAt || now
    const first = this.#firstTokenAt || now
    return {
      queueMs: started - this.#begunAt,
      timeToFirstTokenMs: first - this.#begunAt,
      promptTokensPerSecond: this.#firstTokenAt > 0 ? perSecond(this.#request.prompt.length, first - started) : 0,
      completionTokensPerSecond: perSecond(this.#tokens.length - 1, now - first),
      totalMs: now - this.#begunAt,
    }
  }
}

function perSecond(count: number, ms: number): number {
  return count > 0 && ms > 0 ? (count * 1_000) / ms : 0
}
