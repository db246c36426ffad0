import type { AttentionRole } from './attention-block.ts'
import type { LayerConfig } from './decoder-config.ts'
import type { ExpertsRole } from './experts-block.ts'
import type { MlpRole } from './mlp-block.ts'
import type { SelectiveScanRole } from './selective-scan-block.ts'
import type { ShortConvRole } from './short-conv-block.ts'
import type { TensorNames, TensorPlace } from './tensor-names.ts'

/** What a tensor does in a decoder. */
export type DecoderRole =
  | ('embedding' | 'positions' | 'finalNorm' | 'head')
  | ('mixerNorm' | 'mixerOutputNorm' | 'mlpNorm' | 'mlpOutputNorm')
  | AttentionRole
  | MlpRole
  | ExpertsRole
  | SelectiveScanRole
  | ShortConvRole

/** The names one family of decoders uses in one kind of file. */
export type DecoderNames = TensorNames<DecoderRole>
/** Where the numbers of a decoder's role lie. */
export type DecoderPlace = TensorPlace<DecoderRole>

/** Rows of a projection's weight that a file may hold together with others. */
export function decoderRows(role: DecoderRole, { mixer, mlp }: LayerConfig): number {
  if (mixer.kind === 'attention') {
    if (role === 'q') return mixer.heads * mixer.headDim
    if (role === 'k' || role === 'v') return mixer.kvHeads * mixer.headDim
  } else if (mixer.kind === 'selective_scan') {
    if (role === 'stateStep') return mixer.timeStepRank
    if (role === 'stateInput' || role === 'stateOutput') return mixer.stateSize
  }
  if (role === 'gate' || role === 'up') return mlp?.width ?? 0
  return mixer.kind === 'attention' ? 0 : mixer.width
}
