import type { AttentionRole } from './attention-block.ts'
import type { LayerConfig } from './decoder-config.ts'
import type { MlpRole } from './mlp-block.ts'
import type { TensorNames, TensorPlace } from './tensor-names.ts'

/** What a tensor does in a decoder. */
export type DecoderRole =
  | ('embedding' | 'positions' | 'finalNorm' | 'head')
  | ('mixerNorm' | 'mixerOutputNorm' | 'mlpNorm' | 'mlpOutputNorm')
  | AttentionRole
  | MlpRole

/** The names one family of decoders uses in one kind of file. */
export type DecoderNames = TensorNames<DecoderRole>
/** Where the numbers of a decoder's role lie. */
export type DecoderPlace = TensorPlace<DecoderRole>

/** Rows of a projection's weight. */
export function decoderRows(role: DecoderRole, { mixer, mlp }: LayerConfig): number {
  if (role === 'q') return mixer.heads * mixer.headDim
  if (role === 'k' || role === 'v') return mixer.kvHeads * mixer.headDim
  return mlp.width
}
