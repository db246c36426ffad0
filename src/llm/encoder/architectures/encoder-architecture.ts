import type { TensorSizes } from '../../architectures/architecture.ts'
import type { ConfigFields } from '../../config-fields.ts'
import type { TowerConfig } from '../encoder-config.ts'
import type { EncoderNames } from '../encoder-roles.ts'

/** A tower in the words of a family: what it is made of and how its tensors are called. */
export interface NamedTower {
  readonly config: TowerConfig
  readonly names: EncoderNames
}

/** What a model consists of: a tower for texts, one for pictures, or both with a common space. */
export interface EncoderTowers {
  readonly text?: NamedTower
  readonly image?: NamedTower
  /** The token whose vector stands for a text; of families that pool there. */
  readonly endToken?: number
  /** Name of the scalar whose exponential multiplies the cosine of a text and a picture. */
  readonly logitScale?: string
}

/** One family of encoders in Hugging Face layout. */
export interface EncoderArchitecture {
  /** Names that `model_type` has for it. */
  readonly modelTypes: readonly string[]
  /** @throws HenceError `CONFIG_INVALID` */
  read(fields: ConfigFields, tensors: TensorSizes, head: HeadKind): EncoderTowers
}

/** What the class of a model in `architectures` ends with: BertForMaskedLM, BertModel. */
export type HeadKind = 'masked-lm' | 'sequence' | 'token' | 'none'
