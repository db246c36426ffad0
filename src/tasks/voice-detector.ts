import { HenceError, type Tensor, type TensorModel, throwIfAborted } from '../core/index.ts'
import { requireTensorModel } from './require-tensor-model.ts'

/** Samples of a piece, and of the end of the piece before that is put in front of it, by sampling rate. Source: Silero VAD 5. */
const PIECES: Readonly<Record<number, { readonly piece: number; readonly context: number }>> = {
  8000: { piece: 256, context: 32 },
  16000: { piece: 512, context: 64 },
}

const STATE_SHAPE = [2, 1, 128] as const

/**
 * Listens to a stream with a Silero model: takes sound as it comes and tells the probability of speech for every piece of
 * 32 ms. The model's state is kept from piece to piece; one detector is for one stream.
 *
 * @example
 * ```ts
 * import { load, VoiceDetector } from 'hence'
 * const model = await load('silero_vad.onnx')
 * const detector = new VoiceDetector(model, 16_000)
 * for await (const samples of [new Float32Array(1600)]) {
 *   for (const probability of await detector.push(samples)) console.log(probability)
 * }
 * ```
 */
export class VoiceDetector {
  readonly sampleRate: number
  /** Samples that one probability stands for. */
  readonly pieceSamples: number
  readonly #model: TensorModel
  readonly #rate: Tensor<'i64'>
  readonly #names: { readonly output: string; readonly state: string }
  readonly #window: Float32Array
  readonly #context: number
  #filled = 0
  #state: Tensor<'f32'> = freshState()
  #turn: Promise<unknown> = Promise.resolve()

  /**
   * @param sampleRate - 8,000 or 16,000
   * @throws HenceError `OPTION_INVALID`
   */
  constructor(model: TensorModel, sampleRate: number) {
    requireTensorModel('detectVoice', model)
    const sizes = PIECES[sampleRate]
    if (!sizes)
      throw new HenceError('OPTION_INVALID', `voices are found at 8,000 or 16,000 samples per second, not at ${sampleRate}`, {
        sampleRate,
        hint: 'Convert the recording, for example with `ffmpeg -i INPUT -ar 16000 -ac 1 out.wav`.',
      })
    const { inputs, outputs } = model.describe()
    const dtypes = Object.fromEntries(inputs.map(({ name, dtype }) => [name, dtype]))
    if (inputs.length !== 3 || dtypes['input'] !== 'f32' || dtypes['state'] !== 'f32' || dtypes['sr'] !== 'i64' || outputs.length !== 2)
      throw new HenceError('OPTION_INVALID', 'the model is not a Silero voice detector of version 5 or later', {
        inputs: inputs.map(({ name }) => name),
        hint: 'Such a model takes input, state and sr.',
      })
    this.#model = model
    this.sampleRate = sampleRate
    this.pieceSamples = sizes.piece
    this.#context = sizes.context
    this.#window = new Float32Array(sizes.context + sizes.piece)
    this.#rate = { dtype: 'i64', shape: [], data: BigInt64Array.of(BigInt(sampleRate)) }
    this.#names = { output: outputs[0]!.name, state: outputs[1]!.name }
  }

  /**
   * Takes the next samples. What does not fill a piece is kept for the next call; calls may overlap and run in order.
   *
   * @returns a probability for every piece that was completed
   * @throws HenceError `ABORTED`, `DISPOSED`
   */
  push(samples: Float32Array, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Float32Array> {
    return this.#inTurn(async () => {
      const probabilities = new Float32Array(Math.floor((this.#filled + samples.length) / this.pieceSamples))
      for (let at = 0, done = 0; at < samples.length; ) {
        throwIfAborted(options.signal)
        const taken = samples.subarray(at, at + this.pieceSamples - this.#filled)
        this.#window.set(taken, this.#context + this.#filled)
        this.#filled += taken.length
        at += taken.length
        if (this.#filled === this.pieceSamples) probabilities[done++] = await this.#runPiece(options.signal)
      }
      return probabilities
    })
  }

  /** The probability of the last piece, filled up with silence; undefined when there is no rest. */
  finish(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<number | undefined> {
    return this.#inTurn(async () => {
      if (this.#filled === 0) return undefined
      this.#window.fill(0, this.#context + this.#filled)
      return this.#runPiece(options.signal)
    })
  }

  /** Forgets all it heard; for the beginning of another recording. */
  reset(): void {
    this.#window.fill(0)
    this.#filled = 0
    this.#state = freshState()
  }

  async #runPiece(signal: AbortSignal | undefined): Promise<number> {
    const input: Tensor<'f32'> = { dtype: 'f32', shape: [1, this.#window.length], data: this.#window.slice() }
    const outputs = await this.#model.run({ input, state: this.#state, sr: this.#rate }, { signal })
    this.#state = outputs[this.#names.state] as Tensor<'f32'>
    this.#window.copyWithin(0, this.pieceSamples)
    this.#filled = 0
    return (outputs[this.#names.output] as Tensor<'f32'>).data[0]!
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {})
    return result
  }
}

function freshState(): Tensor<'f32'> {
  return { dtype: 'f32', shape: STATE_SHAPE, data: new Float32Array(2 * 128) }
}
