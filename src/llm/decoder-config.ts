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
  /** Multiplies the rows of the embedding table. */
  readonly embeddingScale: number
  readonly positions: LearnedPositions | null
  /** Rotary positions; layers choose among them. */
  readonly ropes: readonly RopeConfig[]
  readonly layers: readonly LayerConfig[]
  /** The output matrix is the embedding table. */
  readonly hasTiedHead: boolean
  /** Logits become `softcap · tanh(logit / softcap)`. */
  readonly logitSoftcap: number | null
}

/** Rotary positions: pairs of numbers of each query and key head are turned by position · frequency. */
export interface RopeConfig {
  /** `half` pairs (i, i + H), `interleaved` (2i, 2i + 1). */
  readonly style: 'half' | 'interleaved'
  /** One per pair, radians per position. */
  readonly frequencies: Float32Array<ArrayBuffer>
  /** Multiplies cosines and sines. */
  readonly scale: number
  /** Other frequencies for all tokens of sequences that have more than `after`. */
  readonly long: { readonly frequencies: Float32Array<ArrayBuffer>; readonly after: number } | null
}

/** Tokens after which a sequence has other frequencies, and all of it is computed anew; null when there is no such number. */
export function longAfter({ ropes }: Pick<DecoderConfig, 'ropes'>): number | null {
  return ropes.find(({ long }) => long)?.long?.after ?? null
}

/** A table of vectors added to the embeddings; position p has row p + offset. */
export interface LearnedPositions {
  readonly offset: number
}

/** What mixes tokens, then what works on each alone; both add to their input. */
export interface LayerConfig {
  readonly mixer: MixerConfig
  /** Null for a layer that only mixes. */
  readonly mlp: MlpConfig | ExpertsConfig | null
  readonly norms: LayerNorms
  /** Mixer and MLP start from the same input. */
  readonly isParallel: boolean
}

/** Which norms a layer has: of the input of mixer and MLP, and of their outputs before they are added. */
export interface LayerNorms {
  readonly mixer: boolean
  readonly mixerOutput: boolean
  readonly mlp: boolean
  readonly mlpOutput: boolean
}

/** The norms of most families. */
export const INPUT_NORMS: LayerNorms = { mixer: true, mixerOutput: false, mlp: true, mlpOutput: false }

/** What mixes tokens. */
export type MixerConfig = AttentionConfig | SelectiveScanConfig | ShortConvConfig

export interface AttentionConfig {
  readonly kind: 'attention'
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  /** Multiplies query · key. */
  readonly scale: number
  /** Newest keys a query sees, itself included; null for all. */
  readonly window: number | null
  /** Scores become `softcap · tanh(score / softcap)`. */
  readonly softcap: number | null
  /** Which of the model's rotary positions turn queries and keys. */
  readonly rope: number | null
  /** What of queries and keys is normalised before they are turned: each head, or all heads as one row. */
  readonly queryKeyNorm: 'head' | 'row' | null
  readonly hasQkvBias: boolean
  readonly hasOutputBias: boolean
  /** Each head has one more score, which takes probability and has no value. */
  readonly hasSinks: boolean
}

/** Mamba's mixer: a short convolution, then a state-space recurrence whose parameters depend on the token. */
export interface SelectiveScanConfig {
  readonly kind: 'selective_scan'
  /** Channels of the recurrence. */
  readonly width: number
  /** Numbers of state of each channel. */
  readonly stateSize: number
  /** Numbers the step size of all channels is made from. */
  readonly timeStepRank: number
  /** Of the convolution. */
  readonly taps: number
  /** The file has log(−A) instead of A. */
  readonly isLogarithm: boolean
  readonly hasConvBias: boolean
  /** Of the projections into and out of the mixer. */
  readonly hasBias: boolean
}

/** LFM2's mixer: a short convolution between two gates. */
export interface ShortConvConfig {
  readonly kind: 'short_conv'
  readonly width: number
  readonly taps: number
  readonly hasBias: boolean
}

/** MLPs of which a router chooses some for each token. */
export interface ExpertsConfig {
  readonly kind: 'experts'
  readonly count: number
  readonly perToken: number
  /** Width of one expert. */
  readonly width: number
  /** The weights of the chosen experts sum to 1. */
  readonly isNormalized: boolean
  readonly gating: ExpertsGating
  readonly hasRouterBias: boolean
  readonly hasBias: boolean
}

/**
 * How an expert joins gate and up: activation(gate) ∘ up, or with both kept within ±limit (the gate only from above)
 * gate ∘ sigmoid(alpha · gate) ∘ (up + 1).
 */
export type ExpertsGating = MlpConfig['activation'] | { readonly alpha: number; readonly limit: number }

/** True for routed experts. */
export function isExperts(mlp: LayerConfig['mlp']): mlp is ExpertsConfig {
  return mlp !== null && 'kind' in mlp
}

/** Numbers of a sequence's state in a layer, by what they are; none for attention. */
export function stateSizes(mixer: MixerConfig): readonly number[] {
  if (mixer.kind === 'attention') return []
  const conv = (mixer.taps - 1) * mixer.width
  return mixer.kind === 'short_conv' ? [conv] : [conv, mixer.width * mixer.stateSize]
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
  experts: { min: 1, max: 65_536 },
  stateSize: { min: 1, max: 4_096 },
  /** As `causal_conv` takes. */
  taps: { min: 2, max: 64 },
  epsilon: { min: 0, max: 1 },
  ropeBase: { min: 1e-3, max: 1e15 },
  ropeFactor: { min: 1e-6, max: 1e6 },
  softcap: { min: 1e-3, max: 1e9 },
  attentionScale: { min: 1e-6, max: 1e12 },
} as const
