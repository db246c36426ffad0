import { randomInt } from 'node:crypto'
import type {
  ChatMessage,
  ChatOptions,
  GenerateOptions,
  Generation,
  LanguageModel,
  LanguageModelActivity,
  ModelDescription,
  Tensor,
  TokenizeOptions,
} from '../core/index.ts'
import { HenceError } from '../core/index.ts'
import { type Engine, KV_BLOCK_TOKENS, repetitionPenalty, type StartedEngine, searchDecoder } from '../llm/index.ts'
import type { ChatTemplate, StreamDetokenizer, Tokenizer } from '../text/index.ts'
import { BestOfGeneration } from './best-of.ts'
import { abortSignal, boolean, checkOptions, plainObject } from './check-options.ts'
import {
  allocateLogits,
  biasRule,
  checkTogether,
  checkTokens,
  GENERATE_RULES,
  logitBiasOf,
  samplingOf,
  stopTokensOf,
  tokenRulesOf,
} from './generate-options.ts'
import { TextGeneration, type TextRequest } from './generate-text.ts'
import type { OpenModel } from './open-model.ts'
import { refuseWithBeams, SearchGeneration } from './search-generation.ts'

const CHAT_RULES = { ...GENERATE_RULES, templateVariables: plainObject }

/** What a language model is made of. */
export interface LanguageModelParts {
  readonly model: OpenModel
  readonly engine: Engine
  readonly backend: StartedEngine['backend']
  readonly description: ModelDescription
}

/** The public face over an engine. */
export function createLanguageModel(parts: LanguageModelParts): LanguageModel {
  return new EngineModel(parts)
}

class EngineModel implements LanguageModel {
  readonly kind = 'language'
  readonly #model: OpenModel
  readonly #engine: Engine
  readonly #backend: StartedEngine['backend']
  readonly #description: ModelDescription
  #disposal: Promise<void> | undefined

  constructor({ model, engine, backend, description }: LanguageModelParts) {
    this.#model = model
    this.#engine = engine
    this.#backend = backend
    this.#description = description
  }

  describe(): ModelDescription {
    this.#checkAlive()
    return structuredClone(this.#description)
  }

  generate(prompt: string | readonly number[], options: GenerateOptions = {}): Generation {
    this.#checkAlive()
    checkOptions('generate', options, GENERATE_RULES)
    if (typeof prompt !== 'string' && !Array.isArray(prompt))
      throw new HenceError('OPTION_INVALID', `generate: the prompt must be a text or an array of token ids, got ${typeof prompt}`)
    // What follows a prompt keeps the space it begins with; what follows nothing begins a text.
    return this.#generate(typeof prompt === 'string' ? this.#encodePrompt(prompt) : prompt, options, prompt.length > 0)
  }

  chat(messages: readonly ChatMessage[], options: ChatOptions = {}): Generation {
    this.#checkAlive()
    checkOptions('chat', options, CHAT_RULES)
    checkMessages(messages)
    const { templateVariables: variables, ...rest } = options
    const text = this.#template().render(messages, { addGenerationPrompt: true, ...(variables ? { variables } : {}) })
    return this.#generate(this.#tokenizer().encode(text, { addSpecial: false, parseSpecial: true }), rest, false)
  }

  tokenize(text: string, options: TokenizeOptions = {}): number[] {
    this.#checkAlive()
    checkOptions('tokenize', options, { addSpecial: boolean, parseSpecial: boolean })
    if (typeof text !== 'string') throw new HenceError('OPTION_INVALID', `tokenize: the text must be a string, got ${typeof text}`)
    return this.#tokenizer().encode(text, { addSpecial: options.addSpecial ?? true, parseSpecial: options.parseSpecial ?? true })
  }

  detokenize(tokens: Iterable<number>): string {
    this.#checkAlive()
    if (typeof tokens !== 'object' || tokens === null || !(Symbol.iterator in tokens))
      throw new HenceError('OPTION_INVALID', `detokenize: the tokens must be an array of token ids, got ${typeof tokens}`)
    return this.#tokenizer().decode(tokens)
  }

  tokenText(token: number): string {
    this.#checkAlive()
    return this.#tokenizer().tokenText(token)
  }

  activity(): LanguageModelActivity {
    this.#checkAlive()
    const { running, waiting, heldBlocks, blocks, preemptions, prefixQueries, prefixHits } = this.#engine.load
    const room = { kvTokensUsed: heldBlocks * KV_BLOCK_TOKENS, kvTokens: blocks * KV_BLOCK_TOKENS }
    return { running, waiting, ...room, kvBlockTokens: KV_BLOCK_TOKENS, preemptions, prefixQueries, prefixHits, steps: this.#engine.steps }
  }

  async logits(tokens: readonly number[], options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Tensor<'f32'>> {
    this.#checkAlive()
    checkOptions('logits', options, { signal: abortSignal })
    const { vocabulary } = this.#engine.decoder.config
    const { context } = this.#engine.decoder.limits
    if (checkTokens(tokens, vocabulary).length > context) throw overflow(tokens.length, context)
    const data = allocateLogits(tokens.length, vocabulary)
    const onLogits = (logits: Float32Array, position: number): undefined => data.set(logits, position * vocabulary) as undefined
    await this.#engine.run(tokens, { firstRow: 0, onLogits }, { signal: options.signal })
    return { dtype: 'f32', shape: [tokens.length, vocabulary], data }
  }

  dispose(): void {
    this.#disposal ??= this.#engine.dispose().then(() => this.#backend.dispose())
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose()
    await this.#disposal
  }

  #generate(prompt: readonly number[], options: GenerateOptions, continues: boolean): Generation {
    const { vocabulary } = this.#engine.decoder.config
    checkTokens(prompt, vocabulary)
    checkTogether(options)
    const { context } = this.#engine.decoder.limits
    const room = context - prompt.length
    if (room < Math.min(1, options.maxTokens ?? 1)) throw overflow(prompt.length, context)
    const { stop = [], ignoreEos = false, signal, seed = randomInt(2 ** 32), logprobs, promptLogprobs, minTokens = 0 } = options
    const { priority, deadlineMs, cacheSalt, beams = 1, bestOf, returnSequences = 1, includeStop = false } = options
    const { tokenizer } = this.#model
    const endTokens = ignoreEos ? new Set<number>() : this.#model.endTokens
    const stopTokens = stopTokensOf(options.stopTokens, vocabulary)
    const allEnds = new Set([...endTokens, ...stopTokens])
    const detokenizer = () => tokenizer?.stream({ continues })
    const request: TextRequest = {
      prompt,
      sampling: samplingOf(this.#model.sampling, options),
      seed,
      logitBias: logitBiasOf(options.logitBias, vocabulary),
      rules: tokenRulesOf(options, { vocabulary, tokenizer, promptTokens: prompt.length, endTokens: allEnds }),
      logprobs,
      promptLogprobs,
      maxTokens: Math.min(room, options.maxTokens ?? room),
      minTokens,
      endTokens,
      stopTokens,
      includesStop: includeStop,
      stops: typeof stop === 'string' ? [stop] : stop,
      detokenizer: detokenizer(),
      signal,
      sequence: { priority, deadlineMs, cacheSalt },
    }
    if (beams > 1) return this.#search(request, { ...options, beams }, allEnds, detokenizer)
    const answers = bestOf ?? returnSequences
    if (answers === 1) return new TextGeneration(this.#engine, request)
    if (request.sampling.temperature === 0)
      throw new HenceError('OPTION_INVALID', `generate: ${answers} answers at temperature 0 are all the same`, { answers })
    // Rules and bias hold nothing of one answer; a detokenizer does.
    const requestOf = (index: number): TextRequest => ({
      ...request,
      seed: seed + index,
      detokenizer: detokenizer(),
      promptLogprobs: index === 0 ? promptLogprobs : undefined,
    })
    return new BestOfGeneration(this.#engine, { bestOf: answers, returnSequences, request: requestOf })
  }

  #search(
    { prompt, logitBias, rules = [], maxTokens, signal, sequence }: TextRequest,
    options: GenerateOptions & { readonly beams: number },
    endTokens: ReadonlySet<number>,
    detokenizer: () => StreamDetokenizer | undefined,
  ): Generation {
    refuseWithBeams(options)
    const { beams, returnSequences = 1, lengthPenalty = 1, earlyStopping = false } = options
    if (returnSequences > beams)
      throw new HenceError('OPTION_INVALID', `${returnSequences} texts cannot come of ${beams} beams`, { returnSequences, beams })
    if (maxTokens === 0) throw new HenceError('OPTION_INVALID', 'generate: a search needs room for at least one token', { maxTokens })
    const penalty = options.repetitionPenalty ?? this.#model.sampling.repetitionPenalty
    const all = [...(penalty === 1 ? [] : [repetitionPenalty(penalty)]), ...(logitBias.size > 0 ? [biasRule(logitBias)] : []), ...rules]
    const search = { beams, lengthPenalty, earlyStopping, maxTokens, endTokens, rules: all }
    return new SearchGeneration({
      search: stop => searchDecoder(this.#engine, prompt, search, { ...sequence, signal: stop }),
      endTokens,
      returnSequences,
      promptTokens: prompt.length,
      detokenizer,
      signal,
    })
  }

  /** A prompt without any token is given the token that begins texts, or one that ends them. */
  #encodePrompt(text: string): number[] {
    const tokenizer = this.#tokenizer()
    const tokens = tokenizer.encode(text)
    if (tokens.length > 0) return tokens
    const { bos, eos } = tokenizer.special
    const begin = bos ?? eos[0]
    if (begin === undefined)
      throw new HenceError('OPTION_INVALID', 'generate: the prompt is empty and the model has no token that begins texts')
    return [begin]
  }

  #tokenizer(): Tokenizer {
    const { tokenizer, path } = this.#model
    if (!tokenizer) throw new HenceError('TOKENIZER_MISSING', `${path} has no tokenizer; token ids still work`, { path })
    return tokenizer
  }

  #template(): ChatTemplate {
    const { chatTemplate, path } = this.#model
    if (!chatTemplate) throw new HenceError('TEMPLATE_MISSING', `${path} has no chat template`, { path })
    return chatTemplate
  }

  #checkAlive(): void {
    if (this.#disposal) throw new HenceError('DISPOSED', 'the model was disposed', { path: this.#model.path })
  }
}

function checkMessages(messages: readonly ChatMessage[]): void {
  if (!Array.isArray(messages) || messages.length === 0)
    throw new HenceError('OPTION_INVALID', 'chat: messages must be an array with at least one message')
  for (const [index, message] of messages.entries())
    if (typeof message?.role !== 'string') throw new HenceError('OPTION_INVALID', `chat: message ${index} has no role`, { index })
}

function overflow(tokens: number, context: number): HenceError {
  return new HenceError(
    'CONTEXT_OVERFLOW',
    `the prompt has ${tokens} tokens and the context ${context}, which leaves no room for an answer`,
    { tokens, context },
  )
}
