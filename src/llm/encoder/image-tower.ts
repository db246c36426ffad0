import { HenceError, type Tensor, throwIfAborted } from '../../core/index.ts'
import { type PatchEmbeddings, patchTokens, type TowerConfig } from './encoder-config.ts'
import { headSizeOf } from './text-tower.ts'
import { type CompileTowerOptions, numbersOf, type TurnOptions, Turns } from './tower.ts'
import { type TowerSource, writeTower } from './tower-source.ts'

/** Pictures of one step at most. */
const STEP_PICTURES = 8

/** What a tower makes of pictures, one after the other. */
export interface ImageTowerResult {
  /** `[pictures, tokens, hidden]`. */
  readonly hidden: Float32Array
  /** `[pictures, size]`; empty without a head. */
  readonly head: Float32Array
}

/** An image tower ready to run. */
export class ImageTower {
  readonly config: TowerConfig
  readonly embeddings: PatchEmbeddings
  /** Vectors of a picture. */
  readonly tokens: number
  readonly headSize: number
  readonly #turns: Turns

  private constructor({ config }: TowerSource, turns: Turns) {
    this.config = config
    this.embeddings = config.embeddings as PatchEmbeddings
    this.tokens = patchTokens(this.embeddings)
    this.headSize = headSizeOf(config)
    this.#turns = turns
  }

  static async compile(source: TowerSource, options: CompileTowerOptions & { readonly hasTaps?: boolean }): Promise<ImageTower> {
    const limits = { B: STEP_PICTURES, S1: STEP_PICTURES + 1, L: STEP_PICTURES }
    return new ImageTower(source, await Turns.compile(source, writeTower(source, options), limits, options))
  }

  get executable(): Turns['executable'] {
    return this.#turns.executable
  }

  /** @param pixels - `[pictures, channels, size, size]` @throws HenceError `SHAPE_MISMATCH`, `ABORTED` */
  async run(pixels: Float32Array, options: TurnOptions = {}): Promise<ImageTowerResult> {
    const { channels, imageSize } = this.embeddings
    const size = channels * imageSize * imageSize
    const count = pixels.length / size
    if (!Number.isInteger(count))
      throw new HenceError('SHAPE_MISMATCH', `${pixels.length} numbers are not whole pictures of ${size}`, { length: pixels.length, size })
    const width = this.tokens * this.config.hidden
    const result = { hidden: new Float32Array(count * width), head: new Float32Array(count * this.headSize) }
    for (let at = 0; at < count; at += STEP_PICTURES) {
      throwIfAborted(options.signal)
      const B = Math.min(STEP_PICTURES, count - at)
      const part = pixels.subarray(at * size, (at + B) * size)
      await this.#step(
        part,
        B,
        outputs => {
          result.hidden.set(numbersOf(outputs, 'hidden'), at * width)
          if (this.headSize > 0) result.head.set(numbersOf(outputs, 'head'), at * this.headSize)
        },
        options,
      )
    }
    return result
  }

  /** Every output of one step, taps among them. */
  async runStep(pixels: Float32Array, pictures: number): Promise<Record<string, Float32Array>> {
    return this.#step(pixels, pictures, outputs =>
      Object.fromEntries(Object.keys(outputs).map(name => [name, numbersOf(outputs, name).slice()])),
    )
  }

  dispose(): void {
    this.#turns.dispose()
  }

  #step<T>(pixels: Float32Array, B: number, take: (outputs: Readonly<Record<string, Tensor>>) => T, options?: TurnOptions): Promise<T> {
    const starts = Int32Array.from({ length: B + 1 }, (_, i) => i * this.tokens)
    const dims = this.config.head ? { B, S1: B + 1, L: B } : { B, S1: B + 1 }
    return this.#turns.run({ pixels, starts, rows: starts.subarray(0, B) }, dims, take, options)
  }
}
