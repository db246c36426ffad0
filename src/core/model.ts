import type { ElementType } from './dtype.ts'
import type { Tensor } from './tensor.ts'

/** What every loaded model can do, whatever runs it. */
export interface Model {
  /** `language`: generates tokens; `tensor`: named tensors in, named tensors out. */
  readonly kind: 'language' | 'tensor'
  /** Sizes, formats and memory as plain JSON data. */
  describe(): ModelDescription | TensorModelDescription
  /** Frees the model; running work is aborted, later calls throw `DISPOSED`. Calling it again does nothing. */
  dispose(): void
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}

/** A model that continues token sequences. */
export interface LanguageModel extends Model {
  readonly kind: 'language'
  describe(): ModelDescription
  /**
   * Continues a prompt: text, which is tokenized with the special tokens the model asks for, or token ids as they are.
   * Nothing runs before the result is iterated or {@link Generation.done} is called. Prompt and answer share the context: a
   * prompt that leaves no room for one token is refused, an answer that reaches the end has the finish reason `length`.
   *
   * @throws HenceError `OPTION_INVALID`, `CONTEXT_OVERFLOW`, `TOKENIZER_MISSING` (text only), `DISPOSED`
   * @example
   * ```ts
   * import { load } from 'hence'
   * const model = await load('model.gguf')
   * for await (const delta of model.generate('Once upon a time', { maxTokens: 64 })) process.stdout.write(delta.text)
   * ```
   */
  generate(prompt: string | readonly number[], options?: GenerateOptions): Generation
  /**
   * Answers the last message of a conversation, put into words by the model's chat template.
   *
   * @throws HenceError as {@link generate}, `TEMPLATE_MISSING`, `TEMPLATE_INVALID`
   */
  chat(messages: readonly ChatMessage[], options?: ChatOptions): Generation
  /** Token ids of a text. @throws HenceError `TOKENIZER_MISSING` */
  tokenize(text: string, options?: TokenizeOptions): number[]
  /** Text of token ids, special tokens left out. @throws HenceError `TOKENIZER_MISSING` */
  detokenize(tokens: Iterable<number>): string
  /** One token for display; bytes that are no text on their own as `<0xE2>`. @throws HenceError `TOKENIZER_MISSING` */
  tokenText(token: number): string
  /**
   * Logits after every token.
   *
   * @returns f32 `[tokens, vocabulary]`
   * @throws HenceError `CONTEXT_OVERFLOW`, `OPTION_INVALID` (ids outside the vocabulary), `ABORTED`
   */
  logits(tokens: readonly number[], options?: LogitsOptions): Promise<Tensor<'f32'>>
  /** What the model is doing now. */
  activity(): LanguageModelActivity
}

/** Options of {@link LanguageModel.logits}. */
export interface LogitsOptions {
  /** What the encoder of an encoder–decoder reads, which needs it; other models refuse it. */
  readonly source?: readonly number[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** What a language model is doing. */
export interface LanguageModelActivity {
  /** Sequences that take part in steps. */
  readonly running: number
  /** Sequences that wait for room. */
  readonly waiting: number
  /** Tokens whose keys and values are held, in whole blocks. */
  readonly kvTokensUsed: number
  /** Tokens that there is room for. */
  readonly kvTokens: number
  /** Tokens of a block. */
  readonly kvBlockTokens?: number
  /** Sequences that had to give their room to others, since the start. */
  readonly preemptions?: number
  /** Tokens of all prompts that were taken up since the start, and how many of them had been computed for others. */
  readonly prefixQueries?: number
  readonly prefixHits?: number
  readonly steps?: StepActivity
}

/** What the steps of a language model were, since the start. */
export interface StepActivity {
  /** How many computed up to `most` tokens and more than the bucket before; the last bucket has those beyond all bounds. */
  readonly tokenBuckets: readonly { readonly most: number | null; readonly steps: number }[]
  /** Tokens of all steps. */
  readonly tokens: number
  readonly computeMs: number
  /** Every matrix once a step, and the keys and values that are seen. */
  readonly readBytes: number
  /** Of the last steps, by the time they were computed. */
  readonly readBytesPerSecond: number
}

/** How the next token is drawn. What is not given comes from the model's own files, else from `DEFAULT_SAMPLING`. */
export interface SamplingOptions {
  /** Divides the logits; 0 always takes the likeliest token. */
  readonly temperature?: number | undefined
  /** Only the K likeliest tokens; 0 for all. */
  readonly topK?: number | undefined
  /** Only the likeliest tokens that together reach this probability; 1 for all. */
  readonly topP?: number | undefined
  /** Only tokens at least this fraction as likely as the likeliest; 0 for all. */
  readonly minP?: number | undefined
  /** Only the tokens whose information is nearest to the entropy and that together reach this probability; 1 for all. */
  readonly typicalP?: number | undefined
  /** Divides positive and multiplies negative logits of tokens in prompt and answer; 1 for none. */
  readonly repetitionPenalty?: number | undefined
  /** Subtracted from a token's logit once for every time it is in the answer. */
  readonly frequencyPenalty?: number | undefined
  /** Subtracted from a token's logit once it is in the answer. */
  readonly presencePenalty?: number | undefined
  /** Makes drawing repeatable; random by default. */
  readonly seed?: number | undefined
}

/** How several texts are looked for. What is not given comes from the files of an encoder–decoder; others search only when told. */
export interface SearchOptions {
  /** Texts that are followed side by side; 1 takes or draws one token after the other. */
  readonly beams?: number | undefined
  /** Answers that are drawn side by side, with seeds that count up; the result is the one whose tokens are likeliest in the mean. */
  readonly bestOf?: number | undefined
  /** Log-probabilities of a text are divided by its length to this power; above 0 favours longer ones. */
  readonly lengthPenalty?: number | undefined
  /**
   * When a search stops once as many texts as beams have ended: `true` at once; `false` when the best that goes on would not
   * make it at its present length; `never` when it could not make it at any length.
   */
  readonly earlyStopping?: boolean | 'never' | undefined
  /** How many of the texts that were found the result tells, best first; at most as many as `beams` or `bestOf`. */
  readonly returnSequences?: number | undefined
}

/** Which tokens may come, whatever their probability. */
export interface TokenRules {
  /** No end and no stop before so many tokens. */
  readonly minTokens?: number | undefined
  /** No run of so many tokens comes twice; 0 for any. */
  readonly noRepeatNgrams?: number | undefined
  /** Texts or runs of tokens that are never written; a text as its own tokens, at the beginning of a word and within one. */
  readonly badWords?: readonly (string | readonly number[])[] | undefined
  /** Nothing but these tokens; the end is one of them only where it is listed. */
  readonly allowedTokens?: readonly number[] | undefined
}

/** Options of {@link LanguageModel.generate}. */
export interface GenerateOptions extends SamplingOptions, SearchOptions, TokenRules {
  /** Most tokens to generate; up to the end of the context by default. 0 only reads the prompt. */
  readonly maxTokens?: number | undefined
  /** Texts that end the answer and are not part of it. */
  readonly stop?: string | readonly string[] | undefined
  /** Tokens that end the answer and are not part of it, beside the model's own. */
  readonly stopTokens?: readonly number[] | undefined
  /** The stop text or stop token that ended the answer is part of it after all. */
  readonly includeStop?: boolean | undefined
  /** Goes on when the model says it is done. */
  readonly ignoreEos?: boolean | undefined
  /** Added to the logits of tokens, by id; ±100 as good as commands or forbids one. */
  readonly logitBias?: Readonly<Record<number, number>> | undefined
  /** Tells how likely every token was, and this many of the likeliest at its place; 0 to 100. */
  readonly logprobs?: number | undefined
  /** The same for the tokens of the prompt, in the result. */
  readonly promptLogprobs?: number | undefined
  /** Answers with a higher one are worked on first; 0 by default. Models with an encoder refuse this one and the next two. */
  readonly priority?: number | undefined
  /** Milliseconds after which the answer fails with `DEADLINE_EXCEEDED`. */
  readonly deadlineMs?: number | undefined
  /** What is computed for a prompt is shared only with prompts of the same salt. */
  readonly cacheSalt?: string | undefined
  /** Ends the work; what was generated until then is kept, with `finishReason: 'aborted'`. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link LanguageModel.chat}. */
export interface ChatOptions extends GenerateOptions {
  /** Further variables for the chat template. */
  readonly templateVariables?: Readonly<Record<string, unknown>> | undefined
}

/** Options of {@link LanguageModel.tokenize}. */
export interface TokenizeOptions {
  /** Adds the begin and end tokens the model asks for; default true. */
  readonly addSpecial?: boolean | undefined
  /** Reads the text of special tokens as those tokens; default true. */
  readonly parseSpecial?: boolean | undefined
}

/** One turn of a conversation. Templates may read further fields. */
export interface ChatMessage {
  readonly role: string
  readonly content: string | null | readonly Readonly<Record<string, unknown>>[]
  readonly [field: string]: unknown
}

/** A piece of an answer: one token and the text it made certain, which may be empty. */
export interface GenerationDelta {
  readonly text: string
  readonly token: number
  /** Where {@link GenerateOptions.logprobs} asks for it. */
  readonly logprobs?: TokenLogprobs
}

/** Natural logarithm of a token's probability, by the model alone: before penalties, bias and temperature. */
export interface TokenLogprob {
  readonly token: number
  readonly logprob: number
}

/** How likely a token was, beside the likeliest ones at its place, likeliest first. */
export interface TokenLogprobs extends TokenLogprob {
  readonly top: readonly TokenLogprob[]
}

/**
 * An answer being made. Iterate it for pieces, call `done` for the whole, or both; leaving the loop early aborts the work.
 * Pieces wait in memory until they are read; there are never more than `maxTokens` of them.
 */
export interface Generation extends AsyncIterable<GenerationDelta> {
  done(): Promise<GenerationResult>
}

/** Why an answer ended: the model or a stop text ended it, a limit was reached, or the caller did not want more. */
export type FinishReason = 'stop' | 'length' | 'aborted'

/** Tokens of an answer. */
export interface TokenUsage {
  readonly promptTokens: number
  readonly completionTokens: number
  readonly totalTokens: number
  /** Tokens of the prompt that had been computed for others; absent where none had. */
  readonly cachedTokens?: number
}

/** A finished answer. */
export interface GenerationResult {
  /** Empty when the model has no tokenizer. */
  readonly text: string
  /** Generated ids, without the one that ended the answer. */
  readonly tokens: readonly number[]
  readonly finishReason: FinishReason
  /** The stop text or stop token that ended the answer; absent where the model itself or a limit did. */
  readonly stoppedBy?: string | number
  readonly usage: TokenUsage
  readonly timings: GenerationTimings
  /** The seed that repeats this answer. */
  readonly seed: number
  /** Of a search, or with `bestOf`: the texts that were found, best first, this answer among them. */
  readonly sequences?: readonly FoundText[]
  /** Of each token, where {@link GenerateOptions.logprobs} asks for it. */
  readonly logprobs?: readonly TokenLogprobs[]
  /** Of each token of the prompt but the first, where {@link GenerateOptions.promptLogprobs} asks for it. */
  readonly promptLogprobs?: readonly TokenLogprobs[]
}

/** A text that a search found. */
export interface FoundText {
  readonly text: string
  readonly tokens: readonly number[]
  /** Sum of log-probabilities / length ^ penalty, the token that ended it among them; the penalty of drawn texts is 1. */
  readonly score: number
  readonly finishReason: FinishReason
  readonly stoppedBy?: string | number
  readonly logprobs?: readonly TokenLogprobs[]
}

/** How long an answer took; rates are 0 where there was nothing to measure. */
export interface GenerationTimings {
  /** From the start of the work until a step took it up. */
  readonly queueMs: number
  /** From the start of the work to the first token. */
  readonly timeToFirstTokenMs: number
  readonly promptTokensPerSecond: number
  /** Tokens after the first, per second. */
  readonly completionTokensPerSecond: number
  readonly totalMs: number
}

/** What a model is made of and what it takes; plain JSON data. */
export interface ModelDescription {
  readonly kind: 'language'
  readonly source: string
  readonly format: string
  readonly architecture: string
  readonly parameters: number
  readonly layers: number
  readonly hidden: number
  /** Layers with attention where not all have it; heads are those of the first of them, 0 where there is none. */
  readonly attentionLayers?: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly mlpWidth: number
  /** Of the first layer that has any; `width` is that of one. */
  readonly experts?: { readonly layers: number; readonly count: number; readonly perToken: number; readonly width: number }
  readonly vocabulary: number
  /** Tokens the model was made for. */
  readonly modelContext: number
  /** Tokens one sequence may have here. */
  readonly context: number
  /** Of an encoder–decoder: what its encoder reads. The numbers above are the decoder's. */
  readonly encoder?: {
    readonly input: 'text' | 'sound'
    readonly layers: number
    /** Tokens of a text, or vectors made of a stretch of sound. */
    readonly context: number
  }
  readonly files: readonly { readonly path: string; readonly bytes: number }[]
  /** Tensors by how they are stored. */
  readonly tensorTypes: Readonly<Record<string, { readonly tensors: number; readonly elements: number; readonly bytes: number }>>
  readonly precision: 'exact' | 'fast'
  readonly memory: MemoryDescription
  readonly hasTokenizer: boolean
  readonly hasChatTemplate: boolean
  /** How tokens are drawn unless the caller says otherwise. */
  readonly sampling: Readonly<Record<string, number>>
  /** Absent until the model is loaded. */
  readonly backend?: { readonly name: string; readonly threads: number; readonly kernelShare: number }
}

/** Bytes a model needs. */
export interface MemoryDescription {
  /** As loaded, or as the files have them before. */
  readonly weightBytes: number
  /**
   * Bytes of matrices that one token reads, of experts those it is sent to: divides the memory bandwidth into the most tokens
   * per second of one sequence.
   */
  readonly stepWeightBytes: number
  readonly kvType: string
  /** 2 · layers with attention · kvHeads · bytes of a head: headDim · bytes per number, of `i8` 4 more for its scale. */
  readonly kvBytesPerToken: number
  /** Tokens of all sequences together that the pool of keys and values holds. */
  readonly kvPoolTokens: number
  readonly kvPoolBytes: number
  /** Recurrent and convolutional states, whose size does not depend on the context; absent where there are none. */
  readonly states?: { readonly bytesPerSequence: number; readonly sequences: number; readonly bytes: number }
  /** Intermediate results of one step. */
  readonly arenaBytes: number
  /** What the process could have when the model was opened. */
  readonly availableBytes: number
  /** Most tokens of one sequence whose keys and values fit beside the rest. */
  readonly largestContext: number
}

/** Anything a tensor model takes or gives: a tensor, or what ONNX calls a sequence, an optional or a map. */
export type ModelValue = Tensor<ElementType> | SequenceValue | OptionalValue | MapValue

/** An ordered list of values. */
export interface SequenceValue {
  readonly kind: 'sequence'
  readonly items: readonly ModelValue[]
}

/** A value that may be absent. */
export interface OptionalValue {
  readonly kind: 'optional'
  readonly value: ModelValue | undefined
}

/** What classic classifiers return: a value per key. */
export interface MapValue {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string | bigint, ModelValue | number | string | bigint>
}

/** A model that computes named tensors from named tensors. */
export interface TensorModel extends Model {
  readonly kind: 'tensor'
  describe(): TensorModelDescription
  /**
   * Runs the model. Calls may overlap; each waits for the backend in turn and never blocks the event loop for long. Shapes
   * may change from call to call: a plan is made for each set of shapes when it is first met, and kept.
   *
   * @param inputs - by name; arrays are only read
   * @returns the outputs by name, in memory of the caller's own
   * @throws HenceError `OPTION_INVALID` (a missing, unknown or wrongly typed input), `SHAPE_MISMATCH`, `ABORTED`, `DISPOSED`
   * @example
   * ```ts
   * import { load, tensor } from 'hence'
   * const model = await load('squeezenet.onnx')
   * const { probabilities } = await model.run({ image: tensor('f32', [1, 3, 224, 224]) })
   * ```
   */
  run(inputs: Readonly<Record<string, ModelValue>>, options?: RunOptions): Promise<Record<string, ModelValue>>
  /**
   * Tells where the time of a run goes: runs the model until it is warm, then some times more, and gives the median time of
   * every instruction and of every node that runs between programs.
   *
   * @throws HenceError as {@link run}
   * @example
   * ```ts
   * import { load, tensor } from 'hence'
   * const model = await load('squeezenet.onnx')
   * const { ms, steps } = await model.profile({ image: tensor('f32', [1, 3, 224, 224]) })
   * const slowest = steps.toSorted((a, b) => b.ms - a.ms).slice(0, 10)
   * for (const { op, name, ms: own } of slowest) console.log(`${own.toFixed(2)} of ${ms.toFixed(2)} ms: ${op} ${name}`)
   * ```
   */
  profile(inputs: Readonly<Record<string, ModelValue>>, options?: ProfileOptions): Promise<TensorProfile>
}

/** Options of {@link TensorModel.run}. */
export interface RunOptions {
  /** Stops the work between two instructions. */
  readonly signal?: AbortSignal | undefined
  /** Tensors that results are written into instead of new ones: same name, element type and shape. */
  readonly outputs?: Readonly<Record<string, Tensor<ElementType>>> | undefined
}

/** Options of {@link TensorModel.profile}. */
export interface ProfileOptions {
  /** Runs that are measured once the model is warm; 10 by default. */
  readonly runs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Where the time of a run goes; plain JSON data. Times are milliseconds, medians over the runs. */
export interface TensorProfile {
  /** Runs that were measured. */
  readonly runs: number
  /** A whole run. */
  readonly ms: number
  readonly fastestMs: number
  readonly slowestMs: number
  /** Intermediate results within programs: bytes as planned, and as one run holds them. */
  readonly arena: { readonly plannedBytes: number; readonly usedBytes: number }
  /** In the order in which they run. */
  readonly steps: readonly ProfiledStep[]
}

/** A part of a run. */
export interface ProfiledStep {
  /**
   * `instruction` of a program; `node`: one that runs by its definition in TypeScript; `transfer`: what a program takes
   * besides its instructions, for numbers to go in and out.
   */
  readonly kind: 'instruction' | 'node' | 'transfer'
  /** Of the instruction, or of the node as ONNX calls it. */
  readonly op: string
  readonly name: string
  /** Number of the program, from 0. */
  readonly program?: number
  /** Of an instruction's first result, as it is in memory. */
  readonly shape?: readonly number[]
  /** All its runs together. */
  readonly ms: number
  /** Of the whole run, 0..1. */
  readonly share: number
  /** How often it runs: more than once within a loop. */
  readonly runs: number
  /** Arithmetic of one of its runs, a multiply-add counted as two; absent where the op does none. */
  readonly operations?: number
  /** The operations are products of 8-bit numbers. */
  readonly isOfBytes?: true
  /** Bytes of operands and results of one of its runs, each counted once. */
  readonly bytes?: number
  /** Position among the steps of the node whose body this is a part of; the node's time contains it. */
  readonly within?: number
}

/** An input or output of a tensor model. */
export interface ValueDescription {
  readonly name: string
  /** `tensor`, `sequence`, `optional` or `map`. */
  readonly kind: string
  /** Of a tensor; absent where the file does not say. */
  readonly dtype?: ElementType
  /** Sizes, names of sizes, or null where the file says nothing. */
  readonly shape?: readonly (number | string | null)[]
}

/** What a tensor model is made of; plain JSON data. */
export interface TensorModelDescription {
  readonly kind: 'tensor'
  readonly source: string
  readonly format: string
  readonly producer: string
  /** Version of each operator set; the empty name is ai.onnx. */
  readonly opsets: Readonly<Record<string, number>>
  readonly inputs: readonly ValueDescription[]
  /** Inputs that the file has a value for; another may be given. Files of the first versions list all weights among these. */
  readonly optionalInputs: readonly ValueDescription[]
  readonly outputs: readonly ValueDescription[]
  readonly parameters: number
  readonly weightBytes: number
  /** Nodes by operator, as in the file. */
  readonly operators: Readonly<Record<string, number>>
  /** Nodes after rules were applied. */
  readonly nodes: number
  readonly files: readonly { readonly path: string; readonly bytes: number }[]
  readonly metadata: Readonly<Record<string, string>>
  readonly precision: 'exact' | 'fast'
  /** Absent until the model is loaded. */
  readonly backend?: { readonly name: string; readonly threads: number }
}
