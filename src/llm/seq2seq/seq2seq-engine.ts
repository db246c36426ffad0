import { type BeamOptions, type BeamResult, BeamSearch } from '../beam-search.ts'
import type { LogitsRule } from '../logits-rules.ts'
import type { SequenceHandler } from '../sequence.ts'
import type { Seq2Seq, SourceInput } from './seq2seq.ts'
import { SourceEncoder } from './source-encoder.ts'
import { TargetEngine } from './target-engine.ts'

/** A target to write token by token. */
export interface WriteRequest {
  readonly memory: Float32Array
  /** What the decoder begins with; at least one token. */
  readonly prefix: readonly number[]
  /** Tokens the target has at most, the prefix among them. */
  readonly mostTokens: number
  readonly rules: readonly LogitsRule[]
}

/** Runs any number of requests over one encoder–decoder at once. */
export class Seq2SeqEngine {
  readonly model: Seq2Seq
  readonly #encoder: SourceEncoder
  readonly #targets: TargetEngine
  #disposal: Promise<void> | undefined

  constructor(model: Seq2Seq) {
    this.model = model
    this.#encoder = new SourceEncoder(model)
    this.#targets = new TargetEngine(model)
  }

  /** What targets are in work; see {@link TargetEngine.load}. */
  get load(): TargetEngine['load'] {
    return this.#targets.load
  }

  /** What the encoder makes of a source, `[tokens, hidden]`. @throws HenceError as {@link SourceEncoder.encode} */
  encode(input: SourceInput, signal?: AbortSignal): Promise<Float32Array> {
    return this.#encoder.encode(input, signal)
  }

  /** Writes one text, whose tokens the handler chooses. @throws HenceError as {@link TargetEngine.run} */
  async write({ memory, prefix, mostTokens, rules }: WriteRequest, handler: SequenceHandler, signal?: AbortSignal): Promise<void> {
    const tokens = [...prefix]
    const { vocabulary } = this.model.config
    await this.#targets.run(
      { memory, prefix, width: 1, mostTokens },
      {
        firstRow: handler.firstRow,
        onStart: () => handler.onStart?.(0),
        onLogits(logits, position, count) {
          let ruled = logits
          if (rules.length > 0 && position + count === tokens.length) {
            ruled = logits.slice()
            const last = ruled.subarray(ruled.length - vocabulary)
            for (const rule of rules) rule(last, tokens)
          }
          const token = handler.onLogits(ruled, position, count)
          const goesOn = handler.afterLogits?.() ?? true
          if (token === undefined || !goesOn) return undefined
          tokens.push(token)
          return [{ from: 0, token }]
        },
      },
      signal,
    )
  }

  /** The texts a beam search finds, best first. @throws HenceError as {@link TargetEngine.run} */
  async search(
    memory: Float32Array,
    prefix: readonly number[],
    options: BeamOptions,
    signal?: AbortSignal,
  ): Promise<readonly BeamResult[]> {
    const search = new BeamSearch(prefix, options)
    await this.#targets.run(
      { memory, prefix, width: options.beams, mostTokens: prefix.length + options.maxTokens },
      { onLogits: (logits, _position, count) => search.step(logits, count) },
      signal,
    )
    return search.results
  }

  /** Ends all work with `DISPOSED`, and frees the model once the steps at work have stopped. */
  dispose(): Promise<void> {
    this.#disposal ??= Promise.all([this.#encoder.dispose(), this.#targets.dispose()]).then(() => this.model.dispose())
    return this.#disposal
  }
}
