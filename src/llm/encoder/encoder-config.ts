import type { MlpConfig, NormConfig } from '../block-config.ts'

/**
 * Everything an encoder's program is made from: plain data, so that families differ in values and not in code paths.
 * A tower turns texts or pictures into one vector per token or patch; its head, where it has one, turns some of these into
 * numbers with a meaning.
 */
export interface TowerConfig {
  readonly hidden: number
  readonly embeddings: TokenEmbeddings | PatchEmbeddings
  /** Where norms stand: before each block with one at the end, or after each block with its residual. */
  readonly normPlace: 'before' | 'after'
  readonly norm: NormConfig
  /** Tokens see only those before them. */
  readonly isCausal: boolean
  readonly ropes: readonly RopeTable[]
  readonly layers: readonly EncoderLayer[]
  readonly head: HeadConfig | undefined
}

/** A row of the vocabulary's table for each token, plus one for its position and one for its type. */
export interface TokenEmbeddings {
  readonly kind: 'tokens'
  readonly vocabulary: number
  /** Most tokens of a sequence. */
  readonly context: number
  /** Rows of the position table that come before position 0; undefined where there is no such table. */
  readonly positionOffset: number | undefined
  /** Rows of the type table; 0 where there is none. */
  readonly types: number
  readonly hasNorm: boolean
}

/** A linear map of each square of a picture, after the vector of the class, plus one vector for each place. */
export interface PatchEmbeddings {
  readonly kind: 'patches'
  readonly channels: number
  readonly imageSize: number
  readonly patchSize: number
  /** The file holds the class as `[1, 1, hidden]` and the places as `[1, tokens, hidden]`. */
  readonly isNested: boolean
  readonly hasBias: boolean
  readonly hasNorm: boolean
}

/** Rotary positions in pairs (i, i + H): frequencies in radians per position. */
export interface RopeTable {
  readonly frequencies: Float32Array<ArrayBuffer>
}

export interface EncoderLayer {
  readonly heads: number
  readonly headDim: number
  /** Keys at most this far to both sides; null for all. */
  readonly window: number | null
  /** Which of the tower's {@link TowerConfig.ropes} turns queries and keys. */
  readonly rope: number | null
  readonly hasAttentionNorm: boolean
  /** Multiplies query · key; 1 / √headDim by default. */
  readonly scale?: number
  readonly hasQkvBias: boolean
  /** Where keys differ from queries and values in that. */
  readonly hasKeyBias?: boolean
  readonly hasOutputBias: boolean
  readonly mlp: EncoderMlp
}

/** An activation of encoders: `quick_gelu` is x · sigmoid(1.702 x). */
export type EncoderActivation = MlpConfig['activation'] | 'quick_gelu'

export interface EncoderMlp extends Omit<MlpConfig, 'activation'> {
  readonly activation: EncoderActivation
}

/** What is made of some of a tower's vectors: activation(dense · x), its norm, and a last linear map. */
export interface HeadConfig {
  readonly kind: 'masked-lm' | 'sequence' | 'token' | 'pooler' | 'projection'
  /** The vectors it works on: of every token asked for, of the first token, of the end token, or their mean. */
  readonly pooling: 'tokens' | 'first' | 'end' | 'mean'
  /** The norm that ends the tower comes after pooling and only here. */
  readonly hasPooledNorm: boolean
  readonly dense: { readonly activation: EncoderActivation; readonly hasBias: boolean } | undefined
  readonly norm: NormConfig | undefined
  readonly output: { readonly size: number; readonly hasBias: boolean; readonly isTied: boolean } | undefined
}

/** Tokens of a picture: one for the class, then its squares row by row. */
export function patchTokens({ imageSize, patchSize }: PatchEmbeddings): number {
  return Math.floor(imageSize / patchSize) ** 2 + 1
}

/** Largest sizes Hence takes from a file beyond those of decoders. */
export const ENCODER_LIMITS = {
  types: { min: 0, max: 65_536 },
  labels: { min: 1, max: 1_048_576 },
  channels: { min: 1, max: 16 },
  imageSize: { min: 1, max: 8_192 },
  patchSize: { min: 1, max: 1_024 },
  logitScale: { min: -100, max: 100 },
} as const
