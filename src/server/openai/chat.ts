import type { Generation, GenerationResult, LanguageModel, TokenLogprobs } from '../../core/index.ts'
import { HenceError } from '../../core/index.ts'
import type { Exchange, ServerContext } from '../context.ts'
import type { SseStream } from '../sse.ts'
import { type AnswerContext, answerHead, countLongest, follow, foundIn, stopReason, streamAnswers, usageOf } from './answers.ts'
import { type ChatRequest, chatOptionsOf, checkChatRequest, messagesOf } from './chat-request.ts'
import { chatLogprob, promptLogprobs } from './logprobs.ts'
import { isSearch, seedOf, sequencesPerPrompt } from './sampling-fields.ts'

/** Answers POST /v1/chat/completions. */
export async function answerChat(body: unknown, context: ServerContext, exchange: Exchange): Promise<unknown> {
  const request = checkChatRequest(body)
  const model = context.models.language(request.model)
  exchange.note({ model: request.model, stream: request.stream ?? false })
  if (!model.describe().hasChatTemplate)
    throw new HenceError('TEMPLATE_MISSING', `The model '${request.model}' has no chat template; POST /v1/completions continues texts`, {
      param: 'model',
    })
  const answers: AnswerContext = { model: request.model, metrics: context.metrics, signal: exchange.signal }
  const count = isSearch(request) ? 1 : (request.n ?? 1)
  return context.admission.run(sequencesPerPrompt(request), async () => {
    const messages = messagesOf(request)
    const options = chatOptionsOf(request, exchange.signal)
    context.metrics.countRequest(request.model, { answers: request.n ?? 1, maxTokens: options.maxTokens })
    const generations = Array.from({ length: count }, (_, index) => {
      // The prompt is the same for all.
      const own = index === 0 ? {} : { promptLogprobs: undefined }
      return model.chat(messages, { ...options, ...own, seed: seedOf(request.seed, index) })
    })
    if (request.stream) return stream(request, model, generations, answers, exchange)
    const results = await Promise.all(generations.map(generation => follow(generation, answers)))
    exchange.noteResults(results)
    countLongest(answers, results, count)
    return {
      ...answerHead('chatcmpl', 'chat.completion', request.model),
      choices: results.flatMap(foundIn).map((found, index) => ({
        index,
        message: { role: 'assistant', content: found.text, refusal: null },
        logprobs: logprobsOf(model, found.logprobs),
        finish_reason: found.finishReason,
        ...stopReason(found),
      })),
      ...(typeof request.prompt_logprobs === 'number'
        ? { prompt_logprobs: promptLogprobs(model, results[0]!.promptLogprobs, request.prompt_logprobs) }
        : {}),
      usage: usageOf(results, count),
    }
  })
}

async function stream(
  request: ChatRequest,
  model: LanguageModel,
  generations: readonly Generation[],
  answers: AnswerContext,
  exchange: Exchange,
): Promise<void> {
  const head = answerHead('chatcmpl', 'chat.completion.chunk', request.model)
  const hasUsage = request.stream_options?.include_usage ?? false
  const chunk = (index: number, delta: unknown, finishReason: string | null, logprobs: unknown, end: object = {}): string =>
    JSON.stringify({
      ...head,
      choices: [{ index, delta, logprobs, finish_reason: finishReason, ...end }],
      ...(hasUsage ? { usage: null } : {}),
    })
  const events: SseStream = exchange.openStream()
  const pump = async (index: number): Promise<GenerationResult> => {
    let hasBegun = false
    const open = (): string[] => {
      if (hasBegun) return []
      hasBegun = true
      return [chunk(index, { role: 'assistant', content: '' }, null, null)]
    }
    const result = await follow(generations[index]!, answers, ({ text, logprobs }) => {
      // A token that makes no text certain yet is told only when its logprobs are wanted.
      if (text === '' && !logprobs) return undefined
      return events.send(...open(), chunk(index, { content: text }, null, logprobsOf(model, logprobs && [logprobs])))
    })
    await events.send(...open(), chunk(index, {}, result.finishReason, null, stopReason(result)))
    return result
  }
  const usage = (results: GenerationResult[]): string =>
    JSON.stringify({ ...head, choices: [], usage: usageOf(results, generations.length) })
  const results = await streamAnswers(events, { count: generations.length, pump, ...(hasUsage ? { usage } : {}) })
  exchange.noteResults(results)
  countLongest(answers, results, generations.length)
}

function logprobsOf(model: LanguageModel, logprobs: readonly TokenLogprobs[] | undefined): unknown {
  return logprobs ? { content: logprobs.map(told => chatLogprob(model, told)), refusal: null } : null
}
