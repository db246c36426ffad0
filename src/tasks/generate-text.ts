import type { FinishReason, Generation, GenerationDelta, GenerationResult, GenerationTimings } from '../core/index.ts'
import { isHenceError } from '../core/index.ts'
import { type Engine, Sampler, type Sampling, type SequenceHandler, StopWatch } from '../llm/index.ts'
import type { StreamDetokenizer } from '../text/index.ts'

/** A checked request for text. */
export interface TextRequest {
  readonly prompt: readonly number[]
  readonly sampling: Sampling
  readonly seed: number
  /** At least 1; prompt and answer fit into the context together. */
  readonly maxTokens: number
  readonly endTokens: ReadonlySet<number>
  readonly stops: readonly string[]
  /** Absent without a tokenizer; then there are tokens but no text. */
  readonly detokenizer: StreamDetokenizer | undefined
  readonly signal?: AbortSignal | undefined
}

/** One answer of the engine as a stream of pieces; it starts when it is first asked for something. */
export class TextGeneration implements Generation, SequenceHandler {
  readonly #engine: Engine
  readonly #request: TextRequest
  readonly #sampler: Sampler
  readonly #stops: StopWatch
  readonly #controller = new AbortController()
  readonly #queue: GenerationDelta[] = []
  readonly #tokens: number[] = []
  #text = ''
  #finishReason: FinishReason | undefined
  #result: Promise<GenerationResult> | undefined
  #isOver = false
  #wake: (() => void) | undefined
  #begunAt = 0
  #startedAt = 0
  #firstTokenAt = 0

  constructor(engine: Engine, request: TextRequest) {
    this.#engine = engine
    this.#request = request
    this.#sampler = new Sampler(request.sampling, request.seed, request.prompt)
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

  onLogits(logits: Float32Array): number | undefined {
    const { endTokens, maxTokens, detokenizer } = this.#request
    const token = this.#sampler.next(logits)
    if (this.#firstTokenAt === 0) this.#firstTokenAt = performance.now()
    if (endTokens.has(token)) {
      this.#finishReason = 'stop'
      this.#emit(this.#rest(''), token)
      return undefined
    }
    this.#tokens.push(token)
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
    this.#queue.push({ text, token })
    this.#wake?.()
  }

  async #run(): Promise<GenerationResult> {
    const { prompt, signal, seed } = this.#request
    this.#begunAt = performance.now()
    const onAbort = (): void => this.#controller.abort(signal?.reason)
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await this.#engine.run(prompt, this, this.#controller.signal)
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
      usage: { promptTokens: prompt.length, completionTokens, totalTokens: prompt.length + completionTokens },
      timings: this.#timings(performance.now()),
      seed,
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
