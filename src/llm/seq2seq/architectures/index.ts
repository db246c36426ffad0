import { bart, marian } from './bart.ts'
import type { Seq2SeqArchitecture } from './seq2seq-architecture.ts'
import { t5 } from './t5.ts'
import { whisper } from './whisper.ts'

/** Families of encoder–decoders by `model_type`. */
export const SEQ2SEQ_ARCHITECTURES: Readonly<Record<string, Seq2SeqArchitecture>> = Object.fromEntries(
  [t5, bart, marian, whisper].flatMap(family => family.modelTypes.map(name => [name, family])),
)
