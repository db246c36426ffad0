import { HenceError } from '../../core/index.ts'
import type { Seq2Seq, SourceInput } from './seq2seq.ts'

interface Waiting {
  readonly input: SourceInput
  readonly tokens: number
  /** Set once nobody waits any more. */
  isDone: boolean
  resolve(memory: Float32Array): void
  reject(error: unknown): void
}

/** Encodes sources that arrive at the same time in the same runs. */
export class SourceEncoder {
  readonly #model: Seq2Seq
  #waiting: Waiting[] = []
  #work: Promise<void> | undefined
  #isDisposed = false

  constructor(model: Seq2Seq) {
    this.#model = model
  }

  /**
   * What the encoder makes of a source, `[tokens, hidden]`.
   *
   * @throws HenceError `CONTEXT_OVERFLOW`, `OPTION_INVALID` (an empty source), `SHAPE_MISMATCH`, `ABORTED`, `DISPOSED`
   */
  async encode(input: SourceInput, signal?: AbortSignal): Promise<Float32Array> {
    if (this.#isDisposed) throw new HenceError('DISPOSED', 'the model was disposed')
    if (signal?.aborted) throw aborted(signal)
    const tokens = this.#model.tokensOf(input)
    const { sourceContext } = this.#model.limits
    if (tokens === 0) throw new HenceError('OPTION_INVALID', 'a source needs at least one token')
    if (tokens > sourceContext)
      throw new HenceError('CONTEXT_OVERFLOW', `the source has ${tokens} tokens, the model takes up to ${sourceContext}`, {
        tokens,
        context: sourceContext,
        hint: 'Shorten the text, or cut it into pieces.',
      })
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        waiting.isDone = true
        signal?.removeEventListener('abort', onAbort)
      }
      const waiting: Waiting = {
        input,
        tokens,
        isDone: false,
        resolve: memory => {
          settle()
          resolve(memory)
        },
        reject: error => {
          settle()
          reject(error)
        },
      }
      const onAbort = (): void => waiting.reject(aborted(signal))
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(waiting)
      this.#work ??= this.#workOff()
    })
  }

  /** Refuses all that waits, once the run at work has ended. */
  async dispose(): Promise<void> {
    this.#isDisposed = true
    for (const waiting of this.#waiting) waiting.reject(new HenceError('DISPOSED', 'the model was disposed'))
    await this.#work
  }

  async #workOff(): Promise<void> {
    await Promise.resolve()
    for (;;) {
      const batch = this.#take()
      if (batch.length === 0) break
      try {
        const { memory } = await this.#model.encode(batch.map(({ input }) => input))
        let at = 0
        for (const { tokens, resolve } of batch) {
          const end = at + tokens * this.#model.config.hidden
          resolve(batch.length === 1 ? memory! : memory!.slice(at, end))
          at = end
        }
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#work = undefined
  }

  /** As many of those who wait as a run holds, first come, first served. */
  #take(): Waiting[] {
    const { sources, sourceTokens } = this.#model.limits
    const waiting = this.#waiting.filter(({ isDone }) => !isDone)
    let tokens = 0
    let count = 0
    while (count < Math.min(sources, waiting.length) && tokens + waiting[count]!.tokens <= sourceTokens) tokens += waiting[count++]!.tokens
    this.#waiting = waiting.slice(count)
    return waiting.slice(0, count)
  }
}

function aborted(signal: AbortSignal | undefined): HenceError {
  return new HenceError('ABORTED', 'the operation was aborted', { cause: signal?.reason })
}
