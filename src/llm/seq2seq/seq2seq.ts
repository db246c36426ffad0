import type { Backend, Executable, Execution, LoadProgress, Precision } from '../../backends/index.ts'
import { HenceError, type Tensor } from '../../core/index.ts'
import { buffersOf, type DimValues } from '../../program/index.ts'
import { numbersOf, Turns } from '../encoder/tower.ts'
import { type Seq2SeqConfig, soundTokens } from './seq2seq-config.ts'
import type { Seq2SeqPrograms, Seq2SeqSource } from './seq2seq-source.ts'
import { type Seq2SeqLimits, type SourcePlace, TargetLayout, type TargetSlice, targetDims } from './target-layout.ts'

/** What the encoder reads: token ids, or a stretch of sound `[frames, mels]`. */
export type SourceInput = readonly number[] | Float32Array

export interface CompileSeq2SeqOptions {
  readonly backend: Backend
  readonly precision: Precision
  readonly limits: Seq2SeqLimits
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
}

/** The limits as values of the encoder's dims. */
export function sourceDims({ sources, sourceTokens }: Seq2SeqLimits): DimValues {
  return { T: sourceTokens, B: sources, S1: sources + 1 }
}

/** An encoder–decoder ready to run: weights packed, pools of keys and values allocated. */
export class Seq2Seq {
  readonly config: Seq2SeqConfig
  readonly limits: Seq2SeqLimits
  readonly encoder: Executable
  readonly decoder: Executable
  readonly #encoding: Turns
  readonly #execution: Execution
  readonly #layout: TargetLayout
  readonly #pools: readonly string[]

  private constructor(config: Seq2SeqConfig, limits: Seq2SeqLimits, encoder: Executable, decoder: Executable) {
    this.config = config
    this.limits = limits
    this.encoder = encoder
    this.decoder = decoder
    this.#encoding = new Turns(encoder)
    this.#execution = decoder.createExecution()
    this.#layout = new TargetLayout(limits, config.hidden)
    this.#pools = buffersOf(decoder.program, 'state').map(({ name }) => name)
  }

  /** Packs the weights of both programs; those they share are packed once. */
  static async compile({ config, checkpoint }: Seq2SeqSource, programs: Seq2SeqPrograms, options: CompileSeq2SeqOptions): Promise<Seq2Seq> {
    const { backend, limits, ...rest } = options
    const weights = { tensors: checkpoint.tensors, files: checkpoint.files, shared: {} }
    const encoder = await backend.compile(programs.encoder, weights, { ...rest, limits: sourceDims(limits) })
    try {
      const decoder = await backend.compile(programs.decoder, weights, { ...rest, limits: targetDims(limits) })
      return new Seq2Seq(config, limits, encoder, decoder)
    } catch (error) {
      encoder.dispose()
      throw error
    }
  }

  /** Vectors the encoder makes of a source. */
  tokensOf(input: SourceInput): number {
    const { input: kind } = this.config.encoder
    return kind.kind === 'sound' ? soundTokens(kind) : input.length
  }

  /**
   * Runs the encoder over sources that keep within the limits together; every output of the program is copied.
   *
   * @returns the program's outputs `[tokens of all sources, …]`, `memory` among them
   */
  encode(inputs: readonly SourceInput[], signal?: AbortSignal): Promise<Readonly<Record<string, Float32Array>>> {
    const starts = new Int32Array(inputs.length + 1)
    for (const [i, input] of inputs.entries()) starts[i + 1] = starts[i]! + this.tokensOf(input)
    const S1 = starts.length
    const take = (outputs: Readonly<Record<string, Tensor>>) =>
      Object.fromEntries(Object.keys(outputs).map(name => [name, numbersOf(outputs, name).slice()]))
    const { input } = this.config.encoder
    if (input.kind === 'tokens') {
      const tokens = Int32Array.from((inputs as readonly number[][]).flat())
      const positions = Int32Array.from(inputs.flatMap(source => Array.from({ length: source.length }, (_, i) => i)))
      return this.#encoding.run({ tokens, positions, starts }, { T: tokens.length, S1 }, take, { signal })
    }
    const size = input.frames * input.mels
    const features = new Float32Array(inputs.length * size)
    for (const [i, source] of inputs.entries()) {
      if (source.length !== size)
        throw new HenceError('SHAPE_MISMATCH', `a sound of ${source.length} numbers; wanted ${input.frames} frames of ${input.mels}`, {
          length: source.length,
          wanted: size,
        })
      features.set(source, i * size)
    }
    return this.#encoding.run({ features, starts }, { B: inputs.length, S1 }, take, { signal })
  }

  /**
   * One step: keys and values of `arrivals` are written, then the slices computed.
   *
   * @returns the program's outputs, among them `logits` f32 `[rows, vocabulary]` in the order of the slices; views that are
   * valid until the next step
   */
  step(slices: readonly TargetSlice[], arrivals: readonly SourcePlace[], signal?: AbortSignal): Promise<Readonly<Record<string, Tensor>>> {
    const { inputs, dims } = this.#layout.fill(slices, arrivals)
    return this.#execution.run(inputs, dims, { signal })
  }

  /** Copies a block of keys and values over another, in every layer. */
  copyBlock(from: number, to: number): void {
    for (const pool of this.#pools) this.#execution.copyState(pool, from, to)
  }

  dispose(): void {
    this.#execution.dispose()
    this.#encoding.dispose()
    this.decoder.dispose()
  }
}
