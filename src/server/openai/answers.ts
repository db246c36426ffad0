import { randomUUID } from 'node:crypto'
import type { FinishReason, FoundText, Generation, GenerationDelta, GenerationResult } from '../../core/index.ts'
import { HenceError, isHenceError } from '../../core/index.ts'
import type { ServerMetrics } from '../metrics.ts'
import type { SseStream } from '../sse.ts'
import { openAiErrorOf } from './openai-error.ts'

/** Who wants answers, and who counts them. */
export interface AnswerContext {
  readonly model: string
  readonly metrics: ServerMetrics
  readonly signal: AbortSignal
}

/** Token counts as OpenAI's API reports them. */
export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details?: { readonly cached_tokens: number }
}

/** What every document and every chunk of an answer says of itself. */
export interface AnswerHead {
  readonly id: string
  readonly object: string
  readonly created: number
  readonly model: string
}

export function answerHead(prefix: string, object: string, model: string): AnswerHead {
  return { id: `${prefix}-${randomUUID().replaceAll('-', '')}`, object, created: Math.floor(Date.now() / 1_000), model }
}

/**
 * Reads a generation to its end, and counts it.
 *
 * @throws HenceError why the work was given up, when it was
 */
export async function follow(
  generation: Generation,
  { model, metrics, signal }: AnswerContext,
  onDelta?: (delta: GenerationDelta) => Promise<void> | undefined,
): Promise<GenerationResult & { readonly finishReason: Exclude<FinishReason, 'aborted'> }> {
  try {
    let last = 0
    for await (const delta of generation) {
      const now = performance.now()
      if (last > 0) metrics.countToken(model, now - last)
      last = now
      const sent = onDelta?.(delta)
      if (sent) await sent
    }
    const result = await generation.done()
    const { finishReason } = result
    metrics.countAnswer(model, result)
    if (finishReason === 'aborted') throw isHenceError(signal.reason) ? signal.reason : new HenceError('ABORTED', 'the client left')
    return { ...result, finishReason }
  } catch (error) {
    if (!signal.aborted && !isHenceError(error, 'ABORTED')) metrics.countFailure(model)
    throw error
  }
}

/** The answers a result stands for: the texts a search found, or itself. */
export function foundIn(result: GenerationResult): readonly Omit<FoundText, 'score'>[] {
  return result.sequences ?? [result]
}

/** What an answer says of its end beside the reason. */
export function stopReason({ stoppedBy }: { readonly stoppedBy?: string | number }): { readonly stop_reason?: string | number } {
  return stoppedBy === undefined ? {} : { stop_reason: stoppedBy }
}

/** Counts the longest answer to each prompt. */
export function countLongest({ model, metrics }: AnswerContext, results: readonly GenerationResult[], choicesPerPrompt: number): void {
  for (let i = 0; i < results.length; i += choicesPerPrompt) {
    const lengths = results
      .slice(i, i + choicesPerPrompt)
      .flatMap(foundIn)
      .map(({ tokens }) => tokens.length)
    metrics.countLongest(model, Math.max(...lengths))
  }
}

/** Tokens of several answers; those of a prompt count once. */
export function usageOf(results: readonly GenerationResult[], choicesPerPrompt: number): Usage {
  let prompt = 0
  let completion = 0
  let cached = 0
  for (const [i, { usage }] of results.entries()) {
    if (i % choicesPerPrompt === 0) {
      prompt += usage.promptTokens
      cached += usage.cachedTokens ?? 0
    }
    completion += usage.completionTokens
  }
  const details = cached > 0 ? { prompt_tokens_details: { cached_tokens: cached } } : {}
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion, ...details }
}

/**
 * Fills a stream: what `pump` sends for each of `count` answers at once, then the usage, then the end mark. A failure
 * after the first event is told as an event; before, it is thrown.
 */
export async function streamAnswers(
  stream: SseStream,
  {
    count,
    pump,
    usage,
  }: { count: number; pump(index: number): Promise<GenerationResult>; usage?: (results: GenerationResult[]) => string },
): Promise<GenerationResult[]> {
  try {
    const results = await Promise.all(Array.from({ length: count }, (_, index) => pump(index)))
    await stream.send(...(usage ? [usage(results)] : []), '[DONE]')
    return results
  } catch (error) {
    if (stream.hasBegun && !isHenceError(error, 'ABORTED')) await stream.send(JSON.stringify(openAiErrorOf(error))).catch(() => {})
    throw error
  } finally {
    stream.close()
  }
}
