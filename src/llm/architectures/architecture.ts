import type { Checkpoint, StorageType } from '../../formats/index.ts'
import type { ConfigFields } from '../config-fields.ts'
import type { DecoderConfig } from '../decoder-config.ts'
import type { DecoderNames } from '../decoder-roles.ts'

/** One family of decoders: how its configuration and tensors are spelled in each kind of file. */
export interface Architecture {
  readonly name: string
  /** Other names files have for it. */
  readonly aliases?: readonly string[]
  /** Hugging Face layout; `config.json` names the family in `model_type`. */
  readonly huggingFace: ArchitectureForm
  /** GGUF; the metadata names the family in `general.architecture`. */
  readonly gguf: ArchitectureForm
}

/** A family's spelling in one kind of file. */
export interface ArchitectureForm {
  /** The same for all models of the family, or depending on what they are. */
  readonly names: DecoderNames | ((config: DecoderConfig, tensors: TensorSizes) => DecoderNames)
  /** @throws HenceError `CONFIG_INVALID` */
  readConfig(fields: ConfigFields, tensors: TensorSizes): DecoderConfig
}

/** The {@link TensorSizes} of a checkpoint. */
export function tensorSizes({ tensors }: Pick<Checkpoint, 'tensors'>): TensorSizes {
  return { has: name => tensors.has(name), shapeOf: name => tensors.get(name)?.shape, typeOf: name => tensors.get(name)?.type }
}

/** What a configuration may leave to the tensors themselves. */
export interface TensorSizes {
  has(name: string): boolean
  /** Row-major, outermost first; undefined when there is no such tensor. */
  shapeOf(name: string): readonly number[] | undefined
  typeOf(name: string): StorageType | undefined
}
