import type { TensorSizes } from '../../architectures/architecture.ts'
import type { ConfigFields } from '../../config-fields.ts'
import type { Seq2SeqConfig } from '../seq2seq-config.ts'
import type { Seq2SeqNames } from '../seq2seq-roles.ts'

/** A family of encoder–decoders: what its configuration says, and how its tensors are called. */
export interface Seq2SeqArchitecture {
  /** Values of `model_type` in `config.json`. */
  readonly modelTypes: readonly string[]
  /** @throws HenceError `CONFIG_INVALID` */
  read(fields: ConfigFields, tensors: TensorSizes): { readonly config: Seq2SeqConfig; readonly names: Seq2SeqNames }
}
