import type { MlpConfig, NormConfig } from './block-config.ts'

/**
 * Everything a decoder's program is made from: plain data, one entry per layer, so that families differ in values and not
 * in code paths.
 */
export interface DecoderConfig {
  /** Name of the entry in the table of architectures. */
  readonly architecture: string
  readonly vocabulary: number
  readonly hidden: number
  /** Positions the model was made for. */
  readonly context: number
  readonly norm: NormConfig
  readonly position: RopeConfig | LearnedPositions
  readonly layers: readonly LayerConfig[]
  /** The output matrix is the embedding table. */
  readonly hasTiedHead: boolean
}

/** Rotary positions: pairs of numbers of each query and key head are turned by position · frequency. */
export interface RopeConfig {
  readonly kind: 'rope'
  /** `half` pairs (i, i + H), `interleaved` (2i, 2i + 1). */
  readonly style: 'half' | 'interleaved'
  /** One per pair, radians per position. */
  readonly frequencies: Float32Array<ArrayBuffer>
  /** Multiplies cosines and sines. */
  readonly scale: number
}

/** A table of vectors added to the embeddings; position p has row p + offset. */
export interface LearnedPositions {
  readonly kind: 'learned'
  readonly offset: number
}

export interface LayerConfig {
  readonly attention: AttentionConfig
  readonly mlp: MlpConfig
}

export interface AttentionConfig {
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  /** Multiplies query · key. */
  readonly scale: number
  /** Newest keys a query sees, itself included; null for all. */
  readonly window: number | null
  readonly hasQkvBias: boolean
  readonly hasOutputBias: boolean
}

/** Largest sizes Hence takes from a file, several times those of any published model. */
export const DECODER_LIMITS = {
  layers: { min: 1, max: 1_024 },
  hidden: { min: 1, max: 131_072 },
  heads: { min: 1, max: 4_096 },
  headDim: { min: 1, max: 2_048 },
  mlpWidth: { min: 1, max: 1_048_576 },
  vocabulary: { min: 1, max: 4_194_304 },
  context: { min: 1, max: 134_217_728 },
  window: { min: 1, max: 134_217_728 },
  epsilon: { min: 0, max: 1 },
  ropeBase: { min: 1e-3, max: 1e15 },
  ropeFactor: { min: 1e-6, max: 1e6 },
} as const
