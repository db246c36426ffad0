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
import { type Engine, KV_BLOCK_TOKENS, type StartedEngine } from '../llm/index.ts'
import type { ChatTemplate, Tokenizer } from '../text/index.ts'
import { abortSignal, boolean, checkOptions, plainObject } from './check-options.ts'
import { allocateLogits, checkTokens, GENERATE_RULES, logitBiasOf, samplingOf } from './generate-options.ts'
import { TextGeneration } from './generate-text.ts'
import type { OpenModel } from './open-model.ts'

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
    return this.#tokenizer().decode(tokens)
  }

  tokenText(token: number): string {
    this.#checkAlive()
    return this.#tokenizer().tokenText(token)
  }

  activity(): LanguageModelActivity {
    this.#checkAlive()
    const { running, waiting, heldBlocks, blocks } = this.#engine.load
    return { running, waiting, kvTokensUsed: heldBlocks * KV_BLOCK_TOKENS, kvTokens: blocks * KV_BLOCK_TOKENS }
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
    checkTokens(prompt, this.#engine.decoder.config.vocabulary)
    const { context } = this.#engine.decoder.limits
    const room = context - prompt.length
    if (room < Math.min(1, options.maxTokens ?? 1)) throw overflow(prompt.length, context)
    const { stop = [], ignoreEos = false, signal, seed = randomInt(2 ** 32), logprobs, promptLogprobs } = options
    return new TextGeneration(this.#engine, {
      prompt,
      sampling: samplingOf(this.#model.sampling, options),
      seed,
      logitBias: logitBiasOf(options.logitBias, this.#engine.decoder.config.vocabulary),
      logprobs,
      promptLogprobs,
      maxTokens: Math.min(room, options.maxTokens ?? room),
      endTokens: ignoreEos ? new Set() : this.#model.endTokens,
      stops: typeof stop === 'string' ? [stop] : stop,
      detokenizer: this.#model.tokenizer?.stream({ continues }),
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
