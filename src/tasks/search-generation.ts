import {
  type FinishReason,
  type GenerateOptions,
  type Generation,
  type GenerationDelta,
  type GenerationResult,
  HenceError,
  isHenceError,
} from '../core/index.ts'
import type { BeamResult } from '../llm/index.ts'
import type { StreamDetokenizer } from '../text/index.ts'

/** A checked request for a search with beams. */
export interface SearchRequest {
  /** Looks for the likeliest texts, best first. */
  search(signal: AbortSignal): Promise<readonly BeamResult[]>
  readonly endTokens: ReadonlySet<number>
  /** Texts the result tells. */
  readonly returnSequences: number
  readonly promptTokens: number
  /** Reads one text; gives nothing without a tokenizer, and then there are tokens but no text. */
  detokenizer(): StreamDetokenizer | undefined
  readonly signal: AbortSignal | undefined
}

/** The answer of a search with beams: its pieces come together, once the search is over. */
export class SearchGeneration implements Generation {
  readonly #request: SearchRequest
  readonly #controller = new AbortController()
  #result: Promise<GenerationResult> | undefined

  constructor(request: SearchRequest) {
    this.#request = request
  }

  done(): Promise<GenerationResult> {
    this.#result ??= this.#run()
    return this.#result
  }

  async *[Symbol.asyncIterator](): AsyncIterator<GenerationDelta> {
    try {
      const { tokens } = await this.done()
      const detokenizer = this.#request.detokenizer()
      for (const [i, token] of tokens.entries()) yield { token, text: textOf(detokenizer, [token], i === tokens.length - 1) }
    } finally {
      this.#controller.abort()
    }
  }

  async #run(): Promise<GenerationResult> {
    const { search, returnSequences, promptTokens, signal } = this.#request
    const begunAt = performance.now()
    const onAbort = (): void => this.#controller.abort(signal?.reason)
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    let found: readonly BeamResult[] = []
    let isAborted = false
    try {
      found = await search(this.#controller.signal)
    } catch (error) {
      if (!isHenceError(error, 'ABORTED') || !this.#controller.signal.aborted) throw error
      isAborted = true
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
    const sequences = found.slice(0, returnSequences).map(({ tokens, score }) => {
      const written = this.#withoutEnd(tokens)
      return { text: textOf(this.#request.detokenizer(), written, true), tokens: written, score, finishReason: this.#reason(tokens) }
    })
    const best = sequences[0] ?? { text: '', tokens: [] }
    const totalMs = performance.now() - begunAt
    const completionTokens = best.tokens.length
    return {
      text: best.text,
      tokens: best.tokens,
      finishReason: isAborted ? 'aborted' : this.#reason(found[0]?.tokens ?? []),
      usage: { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens },
      timings: {
        queueMs: 0,
        timeToFirstTokenMs: totalMs,
        promptTokensPerSecond: 0,
        completionTokensPerSecond: totalMs > 0 ? (completionTokens * 1_000) / totalMs : 0,
        totalMs,
      },
      seed: 0,
      sequences,
    }
  }

  #reason(tokens: readonly number[]): FinishReason {
    return this.#request.endTokens.has(tokens.at(-1)!) ? 'stop' : 'length'
  }

  #withoutEnd(tokens: readonly number[]): readonly number[] {
    return this.#request.endTokens.has(tokens.at(-1)!) ? tokens.slice(0, -1) : tokens
  }
}

function textOf(detokenizer: StreamDetokenizer | undefined, tokens: readonly number[], isLast: boolean): string {
  if (!detokenizer) return ''
  return tokens.map(token => detokenizer.push(token)).join('') + (isLast ? detokenizer.flush() : '')
}

/** @throws HenceError `OPTION_INVALID` for options that a search has no use for */
export function refuseWithBeams(options: GenerateOptions): void {
  const { temperature = 0 } = options
  const refused = NOT_SEARCHED.filter(name => options[name] !== undefined && options[name] !== false)
  if (temperature > 0) refused.push('temperature')
  if (refused.length > 0)
    throw new HenceError('OPTION_INVALID', `generate: a search with beams has no use for ${refused.join(', ')}`, {
      options: refused,
      hint: 'Leave them out, or take { beams: 1 }.',
    })
}

const NOT_SEARCHED: (keyof GenerateOptions)[] = [
  'stop',
  'includeStop',
  'logprobs',
  'promptLogprobs',
  'bestOf',
  'topK',
  'topP',
  'minP',
  'typicalP',
  'frequencyPenalty',
  'presencePenalty',
]
