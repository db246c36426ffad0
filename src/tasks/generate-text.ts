import type { FinishReason, Generation, GenerationDelta, GenerationResult, GenerationTimings, TokenLogprobs } from '../core/index.ts'
import { isHenceError } from '../core/index.ts'
import {
  type LogitBias,
  type LogitsRule,
  logprobsOf,
  Sampler,
  type Sampling,
  type SequenceHandler,
  type SequenceOptions,
  StopWatch,
  stopTexts,
} from '../llm/index.ts'
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
  /** What may not come, whatever its probability. */
  readonly rules?: readonly LogitsRule[]
  /** Prompt and answer fit into the context together. */
  readonly maxTokens: number
  /** How many of the likeliest tokens to tell at each place of the answer; undefined for no logprobs at all. */
  readonly logprobs: number | undefined
  readonly promptLogprobs: number | undefined
  /** Tokens by which the model says it is done. */
  readonly endTokens: ReadonlySet<number>
  /** Tokens with which the caller wants it to be done. */
  readonly stopTokens?: ReadonlySet<number>
  readonly stops: readonly string[]
  /** What ended the answer is part of it. */
  readonly includesStop?: boolean
  /** Texts that so many tokens have made certain stop nothing. */
  readonly minTokens?: number
  /** Tells how likely the tokens were in the mean. */
  readonly isScored?: boolean
  /** Absent without a tokenizer; then there are tokens but no text. */
  readonly detokenizer: StreamDetokenizer | undefined
  readonly signal?: AbortSignal | undefined
  /** How it is worked on beside others. */
  readonly sequence?: Omit<SequenceOptions, 'signal'>
}

/** A token that was drawn, and what remains to be done about it. */
interface DrawnToken {
  readonly token: number
  readonly logprobs: TokenLogprobs | undefined
  /** False for one that ended the answer without being part of it. */
  readonly isPart: boolean
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
  /** Of the tokens drawn, the one that ended the answer among them. */
  #logprobSum = 0
  #drawn = 0
  /** Its text is not read yet. */
  #untold: DrawnToken | undefined
  #cachedTokens = 0
  #text = ''
  #stoppedBy: string | number | undefined
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
    const { sampling, seed, prompt, logitBias: bias, rules = [] } = request
    this.#sampler = new Sampler({ sampling, seed, prompt, bias, rules })
    this.#stops = new StopWatch(stopTexts(request.stops))
  }

  /** Mean log-probability of the tokens drawn so far, where the request wants it. */
  get score(): number {
    return this.#drawn > 0 ? this.#logprobSum / this.#drawn : -Infinity
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

  onStart(sharedTokens = 0): void {
    this.#startedAt = performance.now()
    this.#cachedTokens = sharedTokens
  }

  /** All rows of the prompt, as long as some of their logprobs are to be told. */
  get firstRow(): number | undefined {
    const { promptLogprobs, prompt } = this.#request
    const known = this.#promptLogprobs.length
    return promptLogprobs === undefined || known >= prompt.length - 1 ? undefined : known
  }

  onLogits(rows: Float32Array, position: number, count: number, likeliest?: Int32Array): number | undefined {
    const { prompt, maxTokens } = this.#request
    const vocabulary = rows.length / count
    this.#tellPrompt(rows, position, count, vocabulary)
    // Rows of a prompt that is not yet whole.
    if (position + count < prompt.length + this.#tokens.length) return undefined
    if (maxTokens > 0) return this.#draw(rows.subarray(rows.length - vocabulary), likeliest)
    this.#finishReason = 'length'
    return undefined
  }

  /** Reads the text of the token that was drawn, and decides what of it is certain and whether the answer goes on. */
  afterLogits(): boolean {
    const drawn = this.#untold
    this.#untold = undefined
    if (drawn) this.#tell(drawn)
    return this.#finishReason === undefined
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

  /** Draws a token: what needs the logits, and what is known without the text. */
  #draw(logits: Float32Array, likeliest: Int32Array | undefined): number | undefined {
    const { endTokens, stopTokens, includesStop, maxTokens } = this.#request
    const token = this.#sampler.next(logits, likeliest)
    if (this.#firstTokenAt === 0) this.#firstTokenAt = performance.now()
    const logprobs = token === undefined ? undefined : this.#judge(logits, token)
    // The rules may leave nothing to come.
    const isEnd = token === undefined || endTokens.has(token)
    const isStop = !isEnd && (stopTokens?.has(token) ?? false)
    if (isStop) this.#stoppedBy = token
    const isPart = !isEnd && (!isStop || includesStop === true)
    if (isPart) {
      this.#tokens.push(token)
      if (logprobs) this.#logprobs.push(logprobs)
    }
    if (isEnd || isStop) this.#finishReason = 'stop'
    else if (this.#tokens.length === maxTokens) this.#finishReason = 'length'
    this.#untold = { token: token ?? this.#tokens.at(-1)!, logprobs: isPart ? logprobs : undefined, isPart }
    return this.#finishReason === undefined ? token : undefined
  }

  #tell({ token, logprobs, isPart }: DrawnToken): void {
    let text = isPart ? this.#read(token) : ''
    if (typeof this.#stoppedBy === 'string') this.#finishReason = 'stop'
    else if (this.#finishReason !== undefined) text += this.#rest()
    // Of a token that is no part of the answer only text that was held back is to be told.
    if (isPart || text !== '') this.#emit(text, token, logprobs)
  }

  #judge(logits: Float32Array, token: number): TokenLogprobs | undefined {
    const { logprobs, isScored } = this.#request
    if (logprobs === undefined && !isScored) return undefined
    const told = logprobsOf(logits, token, logprobs ?? 0)
    this.#logprobSum += told.logprob
    this.#drawn++
    return logprobs === undefined ? undefined : told
  }

  /** The text that a token makes certain. */
  #read(token: number): string {
    const { detokenizer, minTokens = 0 } = this.#request
    const text = detokenizer?.push(token) ?? ''
    return this.#tokens.length <= minTokens ? text : this.#watch(text)
  }

  #watch(read: string): string {
    const { text, stop } = this.#stops.push(read)
    if (stop === undefined) return text
    this.#stoppedBy = stop
    return this.#request.includesStop ? text + stop : text
  }

  /** Whatever was held back until now. */
  #rest(): string {
    const text = this.#watch(this.#request.detokenizer?.flush() ?? '')
    if (typeof this.#stoppedBy !== 'string') return text + this.#stops.flush()
    this.#finishReason = 'stop'
    return text
  }

  #emit(text: string, token: number, logprobs: TokenLogprobs | undefined): void {
    this.#text += text
    this.#queue.push({ text, token, ...(logprobs ? { logprobs } : {}) })
    this.#wake?.()
  }

  async #run(): Promise<GenerationResult> {
    const { prompt, promptTokens = prompt.length, signal, seed, logprobs, promptLogprobs, sequence } = this.#request
    this.#begunAt = performance.now()
    const onAbort = (): void => this.#controller.abort(signal?.reason)
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await this.#engine.run(prompt, this, { ...sequence, signal: this.#controller.signal })
    } catch (error) {
      if (!isHenceError(error, 'ABORTED') || !this.#controller.signal.aborted) throw error
      this.afterLogits()
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
      ...(this.#stoppedBy === undefined ? {} : { stoppedBy: this.#stoppedBy }),
      usage: {
        promptTokens,
        completionTokens,
        totalTokens: promptTokens + completionTokens,
        ...(this.#cachedTokens > 0 ? { cachedTokens: this.#cachedTokens } : {}),
      },
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
