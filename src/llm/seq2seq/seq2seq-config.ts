import type { MlpConfig, NormConfig } from '../block-config.ts'
import type { EncoderLayer } from '../encoder/encoder-config.ts'

/**
 * Everything the programs of an encoder–decoder are made from: plain data, so that families differ in values and not in
 * code paths. The encoder turns a source, a text or a sound, into one vector per place; the decoder writes the target and
 * looks at these.
 */
export interface Seq2SeqConfig {
  /** Name of the entry in the table of architectures. */
  readonly architecture: string
  /** Of both sides. */
  readonly vocabulary: number
  readonly hidden: number
  readonly norm: NormConfig
  /** Where norms stand: before each block, or after each block with its residual. */
  readonly normPlace: 'before' | 'after'
  readonly encoder: SourceConfig
  readonly decoder: TargetConfig
  readonly head: HeadConfig
}

export interface SourceConfig {
  readonly input: TextInput | SoundInput
  readonly layers: readonly EncoderLayer[]
  readonly relativeBias: RelativeBiasConfig | null
  readonly hasFinalNorm: boolean
}

export interface TargetConfig {
  readonly input: TextInput
  readonly layers: readonly TargetLayer[]
  readonly relativeBias: RelativeBiasConfig | null
  readonly hasFinalNorm: boolean
}

/** Tokens, each a row of the shared table and, where there is one, a row of a table of positions. */
export interface TextInput {
  readonly kind: 'tokens'
  /** Most tokens of a sequence; null where positions are relative and any number will do. */
  readonly context: number | null
  /** Multiplies rows of the shared table. */
  readonly scale: number
  readonly positions: PositionTable | null
  readonly hasNorm: boolean
}

/** Where vectors of positions come from: the checkpoint, `offset` rows into its table, or sines and cosines. */
export type PositionTable = { readonly kind: 'learned'; readonly offset: number } | { readonly kind: 'sinusoidal' }

/** Stretches of sound of one length as mel bands: two convolutions, the second of which halves the frames. */
export interface SoundInput {
  readonly kind: 'sound'
  readonly mels: number
  /** Frames of a stretch; the encoder gives half as many vectors. */
  readonly frames: number
}

/** A number per head and bucket of distances, added to scores in every layer. */
export interface RelativeBiasConfig {
  readonly buckets: number
  /** From here on all distances share the last bucket. */
  readonly maxDistance: number
}

export interface TargetLayer {
  readonly heads: number
  readonly headDim: number
  /** Multiplies query · key. */
  readonly scale: number
  readonly hasQueryBias: boolean
  readonly hasKeyBias: boolean
  readonly hasOutputBias: boolean
  readonly mlp: MlpConfig
}

export interface HeadConfig {
  /** The output matrix is the shared table. */
  readonly isTied: boolean
  /** Multiplies the vectors before it. */
  readonly scale: number
  /** A number per token of the vocabulary is added to logits. */
  readonly hasBias: boolean
}

/** Vectors the encoder makes of a stretch of sound. */
export function soundTokens({ frames }: SoundInput): number {
  return frames / 2
}

/** Largest sizes Hence takes from a file beyond those of decoders. */
export const SEQ2SEQ_LIMITS = {
  mels: { min: 1, max: 1_024 },
  soundPositions: { min: 1, max: 65_536 },
  buckets: { min: 4, max: 4_096 },
  distance: { min: 1, max: 65_536 },
} as const
