import type { Tensor, TensorData } from '../core/index.ts'
import type { Checkpoint } from '../formats/index.ts'
import type { DimValues, Program } from '../program/index.ts'

/**
 * `exact`: f32 arithmetic throughout. `fast`: activations rounded to 8 bits or bf16 where that makes matmuls faster, and
 * half-precision keys and values; the error is stated in docs/precision.md.
 */
export type Precision = 'exact' | 'fast'

/** Where weights come from. */
export interface WeightProvider extends Pick<Checkpoint, 'tensors' | 'files'> {
  /** Programs compiled with the same object here share the weights that have the same names. */
  readonly shared?: object
}

/** How far loading has come. */
export interface LoadProgress {
  readonly stage: 'download' | 'hash' | 'pack'
  readonly doneBytes: number
  readonly totalBytes: number
}

export interface CompileOptions {
  readonly precision: Precision
  /** Largest value of every bound dim of the program, pools of slots included. */
  readonly limits: DimValues
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
}

/** Something that runs programs: plain TypeScript, the native addon, later WebAssembly and WebGPU. */
export interface Backend {
  /** `reference`, or `native` with the instruction set in use: `native (amx)`. */
  readonly name: string
  readonly threads: number
  /** Packs the weights and prepares the program; the result can make any number of executions. */
  compile(program: Program, weights: WeightProvider, options: CompileOptions): Promise<Executable>
  dispose(): void
}

/** A program with its weights in place. */
export interface Executable {
  readonly program: Program
  /** Bytes of weights as this backend holds them. */
  readonly weightBytes: number
  /** Bytes of matrices that a step of one token reads, of experts those it is sent to: what bounds the speed of small steps. */
  readonly stepWeightBytes: number
  /** Bytes of one execution's arena. */
  readonly arenaBytes: number
  /** Instructions run by the backend's own kernels; the others run as TypeScript in between. */
  readonly kernelShare: number
  createExecution(): Execution
  dispose(): void
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined
  /** Gets the seconds each instruction of the program took; as long as there are instructions. */
  readonly seconds?: Float64Array | undefined
}

/** One run's memory: arena, bound dims and state pools. Runs of one execution follow each other; executions are independent. */
export interface Execution {
  /**
   * Runs the program once. `inputs` holds an array per input buffer of at least the bound size; `dims` a value per
   * bound dim. The outputs are views of the arena, valid until the next run.
   *
   * @throws HenceError `OPTION_INVALID` for missing or wrongly sized inputs and dims beyond the limits, `ABORTED`, `DISPOSED`
   */
  run(inputs: Readonly<Record<string, TensorData>>, dims: DimValues, options?: RunOptions): Promise<Readonly<Record<string, Tensor>>>
  /** A slot of a state pool, as the bytes it lies in. */
  stateSlot(name: string, slot: number): Uint8Array
  /** Copies a slot of a state pool over another: forks and snapshots of sequences. */
  copyState(name: string, from: number, to: number): void
  /** Milliseconds the backend computed in the last run, waiting for a turn left out. */
  readonly lastComputeMs: number
  /** Bytes of the arena this execution holds. */
  readonly arenaBytes: number
  dispose(): void
}
