import type { EncoderRole } from '../encoder/encoder-roles.ts'
import type { MlpRole } from '../mlp-block.ts'
import type { TensorNames } from '../tensor-names.ts'

/** What a tensor does on the encoder's side. */
export type SourceRole = EncoderRole | 'relativeBias' | 'conv1' | 'conv2'

/** What a tensor does on the decoder's side. */
export type TargetRole =
  | 'embedding'
  | 'positions'
  | 'embeddingNorm'
  | 'relativeBias'
  | 'attentionNorm'
  | 'q'
  | 'k'
  | 'v'
  | 'attentionOutput'
  | 'crossNorm'
  | 'crossQ'
  | 'crossK'
  | 'crossV'
  | 'crossOutput'
  | 'mlpNorm'
  | MlpRole
  | 'finalNorm'
  | 'head'
  | 'headBias'

/** The names one family uses on both sides. */
export interface Seq2SeqNames {
  readonly encoder: TensorNames<SourceRole>
  readonly decoder: TensorNames<TargetRole>
}
