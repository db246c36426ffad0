import type { Backend, Executable, LoadProgress, Precision } from '../../backends/index.ts'
import { HenceError, type Tensor, type TensorData } from '../../core/index.ts'
import type { DimValues, Program } from '../../program/index.ts'
import type { TowerSource } from './tower-source.ts'

/** How a tower is made ready. */
export interface CompileTowerOptions {
  readonly backend: Backend
  readonly precision: Precision
  /** Programs of one model that name the same weights. */
  readonly shared?: object | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
}

/** How a program runs once. */
export interface TurnOptions {
  readonly signal?: AbortSignal | undefined
  /** What each instruction took is added here. */
  readonly seconds?: Float64Array | undefined
}

/** A compiled program of which one run follows the other, whoever asks. */
export class Turns {
  readonly executable: Executable
  readonly #execution: ReturnType<Executable['createExecution']>
  #last: Promise<unknown> = Promise.resolve()

  constructor(executable: Executable) {
    this.executable = executable
    this.#execution = executable.createExecution()
  }

  /** Packs the weights of a tower's program. */
  static async compile(source: TowerSource, program: Program, limits: DimValues, options: CompileTowerOptions): Promise<Turns> {
    const { backend, precision, shared, signal, onProgress } = options
    const { tensors, files } = source.checkpoint
    const provider = shared ? { tensors, files, shared } : { tensors, files }
    return new Turns(await backend.compile(program, provider, { precision, limits, signal, onProgress }))
  }

  /** Runs once its turn has come; `take` copies what is wanted out of memory that the next run overwrites. */
  async run<T>(
    inputs: Readonly<Record<string, TensorData>>,
    dims: DimValues,
    take: (outputs: Readonly<Record<string, Tensor>>) => T,
    options: TurnOptions = {},
  ): Promise<T> {
    const before = this.#last
    const work = (async () => {
      await before
      const { signal, seconds } = options
      const taken = seconds && new Float64Array(seconds.length)
      const outputs = await this.#execution.run(inputs, dims, { signal, seconds: taken })
      for (let i = 0; i < (taken?.length ?? 0); i++) seconds![i]! += taken![i]!
      return take(outputs)
    })()
    this.#last = work.catch(() => undefined)
    return work
  }

  dispose(): void {
    this.#execution.dispose()
    this.executable.dispose()
  }
}

/** The f32 numbers of an output. @throws HenceError `PROGRAM_INVALID` when it has none */
export function numbersOf(outputs: Readonly<Record<string, Tensor>>, name: string): Float32Array {
  const output = outputs[name]
  if (output?.dtype !== 'f32') throw new HenceError('PROGRAM_INVALID', `the program has no output ${name} of numbers`, { name })
  return output.data as Float32Array
}
