import type { Generation, GenerationDelta, GenerationResult } from '../core/index.ts'
import { type SequenceWriter, TextGeneration, type TextRequest } from './generate-text.ts'

/** A checked request for several answers of which the best are told. */
export interface BestOfRequest {
  /** Answers to draw, with seeds that count up from the request's. */
  readonly bestOf: number
  /** Texts the result tells. */
  readonly returnSequences: number
  /** A request for the answer of this number. */
  request(index: number): TextRequest
}

/** The likeliest of several answers drawn side by side: its pieces come together, once all of them are there. */
export class BestOfGeneration implements Generation {
  readonly #answers: readonly TextGeneration[]
  readonly #returnSequences: number
  #result: Promise<GenerationResult> | undefined
  /** Pieces of the best answer. */
  #deltas: readonly GenerationDelta[] = []
  readonly #controller = new AbortController()

  constructor(engine: SequenceWriter, { bestOf, returnSequences, request }: BestOfRequest) {
    this.#returnSequences = returnSequences
    this.#answers = Array.from({ length: bestOf }, (_, index) => {
      const own = request(index)
      const signals = [this.#controller.signal, ...(own.signal ? [own.signal] : [])]
      return new TextGeneration(engine, { ...own, isScored: true, signal: AbortSignal.any(signals) })
    })
  }

  done(): Promise<GenerationResult> {
    this.#result ??= this.#run()
    return this.#result
  }

  async *[Symbol.asyncIterator](): AsyncIterator<GenerationDelta> {
    try {
      await this.done()
      yield* this.#deltas
    } finally {
      this.#controller.abort()
    }
  }

  async #run(): Promise<GenerationResult> {
    const begunAt = performance.now()
    const found = await this.#all()
    const [first] = found
    const best = found.toSorted((a, b) => b.score - a.score).slice(0, this.#returnSequences)
    this.#deltas = best[0]!.deltas
    const { result } = best[0]!
    const completionTokens = found.reduce((sum, one) => sum + one.result.usage.completionTokens, 0)
    const { promptTokens } = result.usage
    return {
      ...result,
      finishReason: found.some(one => one.result.finishReason === 'aborted') ? 'aborted' : result.finishReason,
      usage: { ...first!.result.usage, completionTokens, totalTokens: promptTokens + completionTokens },
      timings: { ...result.timings, totalMs: performance.now() - begunAt },
      seed: first!.result.seed,
      ...(first!.result.promptLogprobs ? { promptLogprobs: first!.result.promptLogprobs } : {}),
      sequences: best.map(({ result: { text, tokens, finishReason, stoppedBy, logprobs }, score }) => ({
        text,
        tokens,
        score,
        finishReason,
        ...(stoppedBy === undefined ? {} : { stoppedBy }),
        ...(logprobs ? { logprobs } : {}),
      })),
    }
  }

  async #all(): Promise<{ readonly result: GenerationResult; readonly deltas: GenerationDelta[]; readonly score: number }[]> {
    try {
      return await Promise.all(
        this.#answers.map(async answer => {
          const deltas: GenerationDelta[] = []
          for await (const delta of answer) deltas.push(delta)
          return { result: await answer.done(), deltas, score: answer.score }
        }),
      )
    } catch (error) {
      this.#controller.abort()
      throw error
    }
  }
}
