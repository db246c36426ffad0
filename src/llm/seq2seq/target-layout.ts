import type { TensorData } from '../../core/index.ts'
import { type DimValues, KV_BLOCK_TOKENS } from '../../program/index.ts'
import { BatchLayout, type BatchSlice, dimLimits } from '../batch.ts'
import { blocksFor, slotOf } from '../kv-blocks.ts'

/** Vectors the encoder made of a source, and the blocks that hold their keys and values. */
export interface SourcePlace {
  /** `[length, hidden]`. */
  readonly memory: Float32Array
  readonly length: number
  readonly blocks: readonly number[]
}

/** The part of a target that a step computes, and the source it looks at. */
export interface TargetSlice extends BatchSlice {
  readonly source: SourcePlace
}

/** Largest sizes of runs and steps. */
export interface Seq2SeqLimits {
  /** Sources of one run of the encoder, and their tokens together. */
  readonly sources: number
  readonly sourceTokens: number
  /** Tokens of one source. */
  readonly sourceContext: number
  /** Tokens of all targets of a step. */
  readonly tokens: number
  /** Targets of a step. */
  readonly sequences: number
  /** Logit rows of a step. */
  readonly rows: number
  /** Tokens of one target. */
  readonly targetContext: number
  /** Blocks of the pools. */
  readonly blocks: number
}

/** The limits as values of the decoder's dims. */
export function targetDims(limits: Seq2SeqLimits): DimValues {
  const { sequences, sourceTokens, sourceContext } = limits
  return { ...ownDims(limits), M: sourceTokens, C: sequences * blocksFor(sourceContext) }
}

function ownDims({ tokens, sequences, rows, targetContext, blocks }: Seq2SeqLimits): DimValues {
  return dimLimits({ tokens, sequences, rows, context: targetContext, blocks })
}

/** Lays out slices and new sources as the inputs of a decoder's step, in arrays that are used again for every step. */
export class TargetLayout {
  readonly #own: BatchLayout
  readonly #hidden: number
  readonly #memory: Float32Array
  readonly #memorySlots: Int32Array
  readonly #sourceLengths: Int32Array
  readonly #sourceBlockStarts: Int32Array
  readonly #sourceBlocks: Int32Array

  constructor(limits: Seq2SeqLimits, hidden: number) {
    const { tokens, sequences, rows, targetContext: context, blocks } = limits
    this.#own = new BatchLayout({ tokens, sequences, rows, context, blocks })
    this.#hidden = hidden
    this.#memory = new Float32Array(limits.sourceTokens * hidden)
    this.#memorySlots = new Int32Array(limits.sourceTokens)
    this.#sourceLengths = new Int32Array(sequences)
    this.#sourceBlockStarts = new Int32Array(sequences + 1)
    this.#sourceBlocks = new Int32Array(targetDims(limits)['C']!)
  }

  /** The inputs and dims of a step, which the caller keeps within the limits. Valid until the next call. */
  fill(slices: readonly TargetSlice[], arrivals: readonly SourcePlace[]): { inputs: Record<string, TensorData>; dims: DimValues } {
    let M = 0
    for (const { memory, length, blocks } of arrivals) {
      this.#memory.set(memory, M * this.#hidden)
      for (let i = 0; i < length; i++) this.#memorySlots[M++] = slotOf(blocks, i)
    }
    let C = 0
    for (const [s, { source }] of slices.entries()) {
      for (let i = 0; i * KV_BLOCK_TOKENS < source.length; i++) this.#sourceBlocks[C++] = source.blocks[i]!
      this.#sourceLengths[s] = source.length
      this.#sourceBlockStarts[s + 1] = C
    }
    const own = this.#own.fill(slices)
    return {
      inputs: {
        ...own.inputs,
        memory: this.#memory,
        memorySlots: this.#memorySlots,
        sourceLengths: this.#sourceLengths,
        sourceBlockStarts: this.#sourceBlockStarts,
        sourceBlocks: this.#sourceBlocks,
      },
      dims: { ...own.dims, M, C },
    }
  }
}
