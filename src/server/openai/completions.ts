import type { Generation, GenerationResult, LanguageModel } from '../../core/index.ts'
import type { Exchange, ServerContext } from '../context.ts'
import { type AnswerContext, answerHead, countLongest, follow, foundIn, stopReason, streamAnswers, usageOf } from './answers.ts'
import { type CompletionRequest, checkCompletionRequest, completionOptionsOf, promptsOf } from './completion-request.ts'
import { type CompletionLogprobs, LogprobColumns, promptLogprobs } from './logprobs.ts'
import { isSearch, seedOf, sequencesPerPrompt } from './sampling-fields.ts'

/** One answer to one prompt. */
interface Choice {
  readonly prompt: string | readonly number[]
  readonly generation: Generation
}

/** Answers POST /v1/completions. */
export async function answerCompletion(body: unknown, context: ServerContext, exchange: Exchange): Promise<unknown> {
  const request = checkCompletionRequest(body)
  const model = context.models.language(request.model)
  exchange.note({ model: request.model, stream: request.stream ?? false })
  const answers: AnswerContext = { model: request.model, metrics: context.metrics, signal: exchange.signal }
  const prompts = promptsOf(request)
  const perPrompt = isSearch(request) ? 1 : (request.n ?? 1)
  return context.admission.run(prompts.length * sequencesPerPrompt(request), async () => {
    const options = completionOptionsOf(request, exchange.signal)
    for (const _ of prompts) context.metrics.countRequest(request.model, { answers: request.n ?? 1, maxTokens: options.maxTokens })
    const choices = prompts.flatMap(prompt =>
      Array.from({ length: perPrompt }, (_, index): Choice => {
        return { prompt, generation: model.generate(prompt, { ...options, seed: seedOf(request.seed, index) }) }
      }),
    )
    if (request.stream) return stream(request, model, choices, perPrompt, answers, exchange)
    const results = await Promise.all(choices.map(({ generation }) => follow(generation, answers)))
    exchange.noteResults(results)
    countLongest(answers, results, perPrompt)
    return {
      ...answerHead('cmpl', 'text_completion', request.model),
      choices: results
        .flatMap((result, i) => foundIn(result).map(found => ({ prompt: choices[i]!.prompt, result: { ...result, ...found } })))
        .map(({ prompt, result }, index) => wholeChoice(request, model, prompt, result, index)),
      usage: usageOf(results, perPrompt),
    }
  })
}

function wholeChoice(
  request: CompletionRequest,
  model: LanguageModel,
  prompt: Choice['prompt'],
  result: GenerationResult,
  index: number,
): unknown {
  const echoed = request.echo ? echoOf(model, prompt) : { text: '', tokens: [] }
  const known = [...(request.echo ? [undefined, ...(result.promptLogprobs ?? [])] : []), ...(result.logprobs ?? [])]
  const tokens = [...echoed.tokens, ...result.tokens].map((token, i) => ({ token, known: known[i] }))
  return {
    index,
    text: echoed.text + result.text,
    logprobs: columnsFor(request, model)?.next(tokens) ?? null,
    finish_reason: result.finishReason,
    ...stopReason(result),
    ...(typeof request.prompt_logprobs === 'number'
      ? { prompt_logprobs: promptLogprobs(model, result.promptLogprobs, request.prompt_logprobs) }
      : {}),
  }
}

async function stream(
  request: CompletionRequest,
  model: LanguageModel,
  choices: readonly Choice[],
  perPrompt: number,
  answers: AnswerContext,
  exchange: Exchange,
): Promise<void> {
  const head = answerHead('cmpl', 'text_completion', request.model)
  const hasUsage = request.stream_options?.include_usage ?? false
  const chunk = (
    index: number,
    text: string,
    finishReason: string | null,
    logprobs: CompletionLogprobs | undefined,
    end: object = {},
  ): string =>
    JSON.stringify({
      ...head,
      choices: [{ index, text, logprobs: logprobs ?? null, finish_reason: finishReason, ...end }],
      ...(hasUsage ? { usage: null } : {}),
    })
  const events = exchange.openStream()
  const pump = async (index: number): Promise<GenerationResult> => {
    const { prompt, generation } = choices[index]!
    const columns = columnsFor(request, model)
    // With logprobs the prompt is told at the end of its own reading, which only the result has.
    const isEchoLate = request.echo && columns
    if (request.echo && !isEchoLate) await events.send(chunk(index, echoOf(model, prompt).text, null, undefined))
    const result = await follow(generation, answers, ({ text, token, logprobs }) => {
      if (text === '' && !logprobs) return undefined
      const told = logprobs && !isEchoLate ? columns?.next([{ token, known: logprobs }]) : undefined
      return isEchoLate ? undefined : events.send(chunk(index, text, null, told))
    })
    if (isEchoLate) {
      const { text, logprobs } = wholeChoice(request, model, prompt, result, index) as { text: string; logprobs: CompletionLogprobs }
      await events.send(chunk(index, text, result.finishReason, logprobs, stopReason(result)))
    } else await events.send(chunk(index, '', result.finishReason, undefined, stopReason(result)))
    return result
  }
  const usage = (results: GenerationResult[]): string => JSON.stringify({ ...head, choices: [], usage: usageOf(results, perPrompt) })
  const results = await streamAnswers(events, { count: choices.length, pump, ...(hasUsage ? { usage } : {}) })
  exchange.noteResults(results)
  countLongest(answers, results, perPrompt)
}

function columnsFor({ logprobs }: CompletionRequest, model: LanguageModel): LogprobColumns | undefined {
  return logprobs === null || logprobs === undefined ? undefined : new LogprobColumns(model, logprobs)
}

/** A prompt as it was read. */
function echoOf(model: LanguageModel, prompt: Choice['prompt']): { text: string; tokens: readonly number[] } {
  if (typeof prompt !== 'string') return { text: model.detokenize(prompt), tokens: prompt }
  return { text: prompt, tokens: model.tokenize(prompt) }
}
