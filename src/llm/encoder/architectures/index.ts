import { bert, roberta } from './bert.ts'
import { clip } from './clip.ts'
import type { EncoderArchitecture } from './encoder-architecture.ts'
import { modernbert } from './modernbert.ts'
import { vit } from './vit.ts'

/** Every family of encoders Hence runs. */
const FAMILIES: readonly EncoderArchitecture[] = [bert, roberta, modernbert, vit, clip]

/** The families by the name `model_type` has in config.json. */
export const ENCODER_ARCHITECTURES: ReadonlyMap<string, EncoderArchitecture> = new Map(
  FAMILIES.flatMap(family => family.modelTypes.map(name => [name, family] as const)),
)
