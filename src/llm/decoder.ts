import type { Backend, Executable, Execution, LoadProgress, Precision } from '../backends/index.ts'
import type { Tensor } from '../core/index.ts'
import type { Checkpoint } from '../formats/index.ts'
import { type Buffer, buffersOf, type KvType, largestBytes, type MemoryPlan, type Program, planMemory } from '../program/index.ts'
import { BatchLayout, type BatchLimits, type BatchSlice, dimLimits } from './batch.ts'
import { checkTensors, checkUnused } from './check-tensors.ts'
import { type DecoderConfig, isExperts, longAfter } from './decoder-config.ts'
import { decoderProgram } from './decoder-program.ts'
import { type DecoderNames, decoderRows } from './decoder-roles.ts'
import { blocksFor } from './kv-blocks.ts'
import { isStatePool } from './state-step.ts'
import { tensorLocator } from './tensor-names.ts'

/** A decoder as files describe it, before any weight is read. */
export interface DecoderSource {
  readonly config: DecoderConfig
  readonly names: DecoderNames
  readonly checkpoint: Checkpoint
}

/** Tokens one step computes at most. */
export const STEP_TOKENS = 512
/** Sequences one step takes up at most; more wait. */
export const STEP_SEQUENCES = 64
/** Bytes of logits one step computes at most, unless every sequence needs a row. */
export const STEP_LOGIT_BYTES: number = 32 * 2 ** 20

/** Keys and values are held in full precision where results must be exact. */
export function kvTypeOf(precision: Precision): KvType {
  return precision === 'exact' ? 'f32' : 'f16'
}

/** The program of a decoder, checked against its checkpoint. @throws HenceError as {@link checkTensors} and {@link checkUnused} */
export function writeDecoder({ config, names, checkpoint }: DecoderSource, options: { kvType: KvType; hasTaps?: boolean }): Program {
  const { layers } = config
  const locate = tensorLocator(names, checkpoint.tensors, (role, layer) => decoderRows(role, layers[layer]!), {
    groups: layer => {
      const { mixer } = layers[layer]!
      return mixer.kind === 'attention' ? mixer.kvHeads : 1
    },
    experts: layer => {
      const { mlp } = layers[layer]!
      return isExperts(mlp) ? mlp.count : 1
    },
  })
  const program = decoderProgram(config, locate, options)
  checkTensors(program, checkpoint)
  checkUnused(program, checkpoint, names, layers.length)
  return program
}

/** Largest sizes of a step for a context, a pool and a number of sequences at once. */
export function stepLimits(
  { vocabulary }: DecoderConfig,
  context: number,
  poolTokens: number,
  sequences: number = STEP_SEQUENCES,
): BatchLimits {
  const rows = Math.max(sequences, Math.min(STEP_TOKENS, Math.floor(STEP_LOGIT_BYTES / (4 * vocabulary))))
  return { tokens: STEP_TOKENS, sequences, rows, context, blocks: blocksFor(poolTokens) }
}

/** The pools of keys and values, whose slots are blocks. */
export function blockPools(program: Program): readonly Buffer[] {
  return buffersOf(program, 'state').filter(buffer => !isStatePool(buffer))
}

/** Bytes of a block in all pools together. */
export function bytesPerBlock(program: Program, limits: BatchLimits): number {
  return blockPools(program).reduce((sum, pool) => sum + largestBytes(pool, dimLimits(limits)), 0) / limits.blocks
}

/** Memory of one step's intermediate results. */
export function stepMemory(program: Program, limits: BatchLimits): MemoryPlan {
  return planMemory(program, dimLimits(limits))
}

export interface CompileDecoderOptions {
  readonly backend: Backend
  readonly precision: Precision
  readonly limits: BatchLimits
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
}

/** A decoder ready to run: weights packed, pools of keys and values allocated. */
export class Decoder {
  readonly config: DecoderConfig
  readonly limits: BatchLimits
  readonly executable: Executable
  readonly #execution: Execution
  readonly #layout: BatchLayout

  private constructor(config: DecoderConfig, limits: BatchLimits, executable: Executable) {
    this.config = config
    this.limits = limits
    this.executable = executable
    this.#execution = executable.createExecution()
    this.#layout = new BatchLayout(limits, longAfter(config))
  }

  /** Packs the weights of `program`, made by {@link writeDecoder}. */
  static async compile(source: DecoderSource, program: Program, options: CompileDecoderOptions): Promise<Decoder> {
    const { backend, precision, limits, signal, onProgress } = options
    const executable = await backend.compile(program, source.checkpoint, { precision, limits: dimLimits(limits), signal, onProgress })
    return new Decoder(source.config, limits, executable)
  }

  /**
   * Computes the slices of any number of sequences in one step.
   *
   * @returns the program's outputs, among them `logits` f32 `[rows, vocabulary]` in the order of the slices; views that are
   * valid until the next run
   */
  run(slices: readonly BatchSlice[], signal?: AbortSignal): Promise<Readonly<Record<string, Tensor>>> {
    const { inputs, dims } = this.#layout.fill(slices)
    return this.#execution.run(inputs, dims, { signal })
  }

  /** Copies the state in one slot over another: a fork of a sequence, or its way back to a snapshot. */
  copyState(from: number, to: number): void {
    for (const pool of buffersOf(this.executable.program, 'state')) if (isStatePool(pool)) this.#execution.copyState(pool.name, from, to)
  }

  /** Copies what a block holds, in all pools one after the other. */
  readBlock(block: number, content: Uint8Array): void {
    let offset = 0
    for (const slot of this.#slotsOf(block)) {
      content.set(slot, offset)
      offset += slot.length
    }
  }

  /** The opposite of {@link Decoder.readBlock}, for a block that no step at work uses. */
  writeBlock(block: number, content: Uint8Array): void {
    let offset = 0
    for (const slot of this.#slotsOf(block)) {
      slot.set(content.subarray(offset, offset + slot.length))
      offset += slot.length
    }
  }

  #slotsOf(block: number): readonly Uint8Array[] {
    return blockPools(this.executable.program).map(({ name }) => this.#execution.stateSlot(name, block))
  }

  /** Milliseconds the backend computed in the last step. */
  get lastComputeMs(): number {
    return this.#execution.lastComputeMs
  }

  dispose(): void {
    this.#execution.dispose()
    this.executable.dispose()
  }
}
