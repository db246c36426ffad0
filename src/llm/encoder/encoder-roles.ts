import type { MlpRole } from '../mlp-block.ts'
import type { TensorNames, TensorPlace } from '../tensor-names.ts'
import type { EncoderLayer } from './encoder-config.ts'

/** What a tensor does in an encoder. */
export type EncoderRole =
  | 'embedding'
  | 'positions'
  | 'types'
  | 'class'
  | 'patches'
  | 'embeddingNorm'
  | 'attentionNorm'
  | 'q'
  | 'k'
  | 'v'
  | 'attentionOutput'
  | 'mlpNorm'
  | MlpRole
  | 'finalNorm'
  | 'headDense'
  | 'headNorm'
  | 'headOutput'

/** The names one family of encoders uses. */
export type EncoderNames = TensorNames<EncoderRole>
/** Where the numbers of a role lie. */
export type EncoderPlace = TensorPlace<EncoderRole>

/** Rows of a projection's weight. */
export function encoderRows(role: EncoderRole, { heads, headDim, mlp }: EncoderLayer): number {
  return role === 'q' || role === 'k' || role === 'v' ? heads * headDim : mlp.width
}
