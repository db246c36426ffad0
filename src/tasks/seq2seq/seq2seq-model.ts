import { randomInt } from 'node:crypto'
import {
  type ChatMessage,
  type GenerateOptions,
  type Generation,
  HenceError,
  type LanguageModel,
  type LanguageModelActivity,
  type LogitsOptions,
  type ModelDescription,
  type Tensor,
  type TokenizeOptions,
} from '../../core/index.ts'
import {
  type GenerationSettings,
  KV_BLOCK_TOKENS,
  type LogitsRule,
  mostTokensOf,
  prefixOf,
  rulesOf,
  type Seq2SeqEngine,
  type SequenceHandler,
  type SequenceOptions,
  type StartedSeq2Seq,
} from '../../llm/index.ts'
import type { Tokenizer } from '../../text/index.ts'
import { abortSignal, boolean, checkOptions, type OptionRule } from '../check-options.ts'
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
} from '../generate-options.ts'
import { TextGeneration } from '../generate-text.ts'
import { refuseWithBeams, SearchGeneration } from '../search-generation.ts'
import type { OpenSeq2Seq } from './open-seq2seq.ts'

/** What options of `generate` may be for an encoder–decoder, whose targets all are worked on in order of arrival. */
export const SEQ2SEQ_RULES: Readonly<Record<string, OptionRule>> = Object.fromEntries(
  Object.entries(GENERATE_RULES).filter(([name]) => !['bestOf', 'priority', 'deadlineMs', 'cacheSalt'].includes(name)),
)

/** What an encoder–decoder is made of. */
export interface Seq2SeqParts {
  readonly open: OpenSeq2Seq
  readonly engine: Seq2SeqEngine
  readonly backend: StartedSeq2Seq['backend']
  readonly description: ModelDescription
}

/** A target to write about a source. */
export interface AnswerRequest {
  /** What the encoder makes of the source. */
  encode(signal: AbortSignal | undefined): Promise<Float32Array>
  /** Tokens of the source. */
  readonly sourceTokens: number
  readonly settings: GenerationSettings
  /** What the decoder begins with; what the settings say by default. */
  readonly prefix?: readonly number[]
  /** Rules beside those of the settings. */
  readonly rules?: readonly LogitsRule[]
}

/** The public face over an engine of encoder–decoders. */
export class Seq2SeqModel implements LanguageModel {
  readonly kind = 'language'
  readonly open: OpenSeq2Seq
  readonly engine: Seq2SeqEngine
  readonly #backend: StartedSeq2Seq['backend']
  readonly #description: ModelDescription
  #disposal: Promise<void> | undefined

  constructor({ open, engine, backend, description }: Seq2SeqParts) {
    this.open = open
    this.engine = engine
    this.#backend = backend
    this.#description = description
  }

  describe(): ModelDescription {
    this.#checkAlive()
    return structuredClone(this.#description)
  }

  generate(prompt: string | readonly number[], options: GenerateOptions = {}): Generation {
    checkOptions('generate', options, SEQ2SEQ_RULES)
    return this.answer(this.sourceOf('generate', prompt, this.open.settings), options)
  }

  chat(_messages: readonly ChatMessage[]): Generation {
    this.#checkAlive()
    throw new HenceError('TEMPLATE_MISSING', `${this.open.path} is an encoder–decoder, which holds no conversations`, {
      path: this.open.path,
    })
  }

  tokenize(text: string, options: TokenizeOptions = {}): number[] {
    this.#checkAlive()
    checkOptions('tokenize', options, { addSpecial: boolean, parseSpecial: boolean })
    if (typeof text !== 'string') throw new HenceError('OPTION_INVALID', `tokenize: the text must be a string, got ${typeof text}`)
    return this.tokenizer().encode(text, { addSpecial: options.addSpecial ?? true, parseSpecial: options.parseSpecial ?? true })
  }

  detokenize(tokens: Iterable<number>): string {
    this.#checkAlive()
    return this.tokenizer().decode(tokens)
  }

  tokenText(token: number): string {
    this.#checkAlive()
    return this.tokenizer().tokenText(token)
  }

  activity(): LanguageModelActivity {
    this.#checkAlive()
    const { running, waiting, freeBlocks, blocks } = this.engine.load
    return { running, waiting, kvTokensUsed: (blocks - freeBlocks) * KV_BLOCK_TOKENS, kvTokens: blocks * KV_BLOCK_TOKENS }
  }

  /** Logits after every token of a target, for a source of token ids. */
  async logits(tokens: readonly number[], options: LogitsOptions = {}): Promise<Tensor<'f32'>> {
    this.#checkAlive()
    checkOptions('logits', options, {
      source: value => (Array.isArray(value) ? undefined : 'an array of token ids'),
      signal: abortSignal,
    })
    const { source, signal } = options
    if (source === undefined)
      throw new HenceError('OPTION_INVALID', 'logits: an encoder–decoder needs { source }, the token ids it is about')
    const { vocabulary } = this.engine.model.config
    const { encode } = this.sourceOf('logits', source, this.open.settings)
    const data = allocateLogits(checkTokens(tokens, vocabulary).length, vocabulary)
    const onLogits = (logits: Float32Array, position: number): undefined => data.set(logits, position * vocabulary) as undefined
    const request = { memory: await encode(signal), prefix: tokens, mostTokens: tokens.length, rules: [] }
    await this.engine.write(request, { firstRow: 0, onLogits }, signal)
    return { dtype: 'f32', shape: [tokens.length, vocabulary], data }
  }

  dispose(): void {
    this.#disposal ??= this.engine.dispose().then(() => this.#backend.dispose())
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose()
    await this.#disposal
  }

  /** A text or token ids as what to write about. @throws HenceError `OPTION_INVALID`, `TOKENIZER_MISSING` */
  sourceOf(where: string, prompt: string | readonly number[], settings: GenerationSettings): AnswerRequest {
    this.#checkAlive()
    if (this.open.speech)
      throw new HenceError('OPTION_INVALID', `${where}: ${this.open.path} hears sound and reads no text`, {
        hint: 'Use transcribe(model, audio), or `hence run MODEL recording.wav`.',
      })
    const tokens = typeof prompt === 'string' ? this.tokenizer().encode(prompt) : prompt
    checkTokens(tokens, this.engine.model.config.vocabulary)
    return { encode: signal => this.engine.encode(tokens, signal), sourceTokens: tokens.length, settings }
  }

  /** Writes about a source: a search where beams are wanted, else token by token. */
  answer(request: AnswerRequest, options: GenerateOptions): Generation {
    this.#checkAlive()
    checkTogether(options)
    const sampling = samplingOf(this.open.sampling, options)
    const settings = withOptions(request.settings, options)
    const { encode, sourceTokens, prefix = prefixOf(settings), rules: added = [] } = request
    const { model } = this.engine
    const isSearch = settings.beams > 1 && (options.beams !== undefined || sampling.temperature === 0)
    const endTokens: ReadonlySet<number> = options.ignoreEos ? new Set() : settings.endTokens
    const stopTokens = stopTokensOf(options.stopTokens, model.config.vocabulary)
    const allEnds = new Set([...endTokens, ...stopTokens])
    const mostTokens = mostTokensOf(settings, prefix.length, model.limits.targetContext)
    const maxTokens = mostTokens - prefix.length
    const logitBias = logitBiasOf(options.logitBias, model.config.vocabulary)
    const { badWords, allowedTokens } = options
    const context = { vocabulary: model.config.vocabulary, tokenizer: this.open.tokenizer, promptTokens: prefix.length, endTokens: allEnds }
    const rules = [
      ...rulesOf({ ...settings, endTokens: allEnds }, prefix.length, mostTokens, !isSearch),
      ...added,
      ...tokenRulesOf({ badWords, allowedTokens }, context),
    ]
    const detokenizer = () => this.open.tokenizer?.stream()
    const { signal } = options
    if (isSearch) {
      refuseWithBeams(options)
      const { beams, lengthPenalty, earlyStopping } = settings
      const biased = logitBias.size > 0 ? [...rules, biasRule(logitBias)] : rules
      const search = async (stop: AbortSignal) =>
        this.engine.search(
          await encode(stop),
          prefix,
          { beams, lengthPenalty, earlyStopping, maxTokens, endTokens: allEnds, rules: biased },
          stop,
        )
      return new SearchGeneration({
        search,
        endTokens: allEnds,
        returnSequences: options.returnSequences ?? 1,
        promptTokens: sourceTokens,
        detokenizer,
        signal,
      })
    }
    const { stop = [], seed = randomInt(2 ** 32), logprobs, promptLogprobs } = options
    const writer = {
      run: async (tokens: readonly number[], handler: SequenceHandler, { signal: stop }: SequenceOptions = {}) =>
        this.engine.write({ memory: await encode(stop), prefix: tokens, mostTokens, rules }, handler, stop),
    }
    return new TextGeneration(writer, {
      prompt: prefix,
      promptTokens: sourceTokens,
      sampling: { ...sampling, repetitionPenalty: options.repetitionPenalty ?? settings.repetitionPenalty },
      seed,
      logitBias,
      logprobs,
      promptLogprobs,
      maxTokens,
      endTokens,
      stopTokens,
      includesStop: options.includeStop ?? false,
      minTokens: options.minTokens ?? 0,
      stops: typeof stop === 'string' ? [stop] : stop,
      detokenizer: detokenizer(),
      signal,
    })
  }

  /** @throws HenceError `TOKENIZER_MISSING` */
  tokenizer(): Tokenizer {
    const { tokenizer, path } = this.open
    if (!tokenizer) throw new HenceError('TOKENIZER_MISSING', `${path} has no tokenizer; token ids still work`, { path })
    return tokenizer
  }

  #checkAlive(): void {
    if (this.#disposal) throw new HenceError('DISPOSED', 'the model was disposed', { path: this.open.path })
  }
}

/** The model as an encoder–decoder. @throws HenceError `OPTION_INVALID` otherwise, naming the task */
export function seq2seqOf(task: string, model: LanguageModel): Seq2SeqModel {
  if (model instanceof Seq2SeqModel) return model
  throw new HenceError('OPTION_INVALID', `${task}: the model is no encoder–decoder loaded from a folder`, { task })
}

function withOptions(settings: GenerationSettings, options: GenerateOptions): GenerationSettings {
  const { beams, lengthPenalty, earlyStopping, noRepeatNgrams, minTokens, maxTokens, returnSequences } = options
  // Who draws tokens and says nothing of beams wants one text.
  const drawn = beams === undefined && (options.temperature ?? 0) > 0
  const wanted = beams ?? (drawn ? 1 : settings.beams)
  if ((returnSequences ?? 1) > wanted)
    throw new HenceError('OPTION_INVALID', `${returnSequences} texts cannot come of ${wanted} beams`, { returnSequences, beams: wanted })
  return {
    ...settings,
    beams: wanted,
    lengthPenalty: lengthPenalty ?? settings.lengthPenalty,
    earlyStopping: earlyStopping ?? settings.earlyStopping,
    noRepeatedRuns: noRepeatNgrams ?? settings.noRepeatedRuns,
    leastNewTokens: minTokens ?? settings.leastNewTokens,
    maxNewTokens: maxTokens ?? settings.maxNewTokens,
    repetitionPenalty: options.repetitionPenalty ?? settings.repetitionPenalty,
  }
}
