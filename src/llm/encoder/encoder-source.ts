import { HenceError } from '../../core/index.ts'
import { type Checkpoint, readFloat32, requireSupported } from '../../formats/index.ts'
import { tensorSizes } from '../architectures/architecture.ts'
import { ConfigFields } from '../config-fields.ts'
import type { EncoderTowers, HeadKind } from './architectures/encoder-architecture.ts'
import { ENCODER_ARCHITECTURES } from './architectures/index.ts'
import { ENCODER_LIMITS } from './encoder-config.ts'
import type { TowerSource } from './tower-source.ts'

/** An encoder as its files describe it, no weight read but the scale of a common space. */
export interface EncoderSource {
  /** `model_type` of config.json. */
  readonly architecture: string
  readonly checkpoint: Checkpoint
  readonly text: TowerSource | undefined
  readonly image: TowerSource | undefined
  /** The token whose vector stands for a text. */
  readonly endToken: number | undefined
  /** Multiplies the cosine of a text and a picture; of models with both towers. */
  readonly logitScale: number
}

/** True where config.json describes an encoder. */
export function isEncoderConfig(config: Readonly<Record<string, unknown>>): boolean {
  return ENCODER_ARCHITECTURES.has(String(config['model_type']))
}

/**
 * The encoder in a Hugging Face folder.
 *
 * @param config - `config.json` in its normalised spelling
 * @throws HenceError `ARCHITECTURE_UNKNOWN`, `CONFIG_INVALID`, `FORMAT_UNSUPPORTED`
 */
export async function encoderFromHuggingFace(
  config: Readonly<Record<string, unknown>>,
  checkpoint: Checkpoint,
  origin: string,
): Promise<EncoderSource> {
  requireSupported(checkpoint)
  const fields = ConfigFields.ofObject(origin, config)
  const architecture = fields.text('model_type')
  const family = ENCODER_ARCHITECTURES.get(architecture)
  if (!family)
    throw new HenceError('ARCHITECTURE_UNKNOWN', `${origin}: "${architecture.slice(0, 60)}" is not an encoder Hence knows`, {
      origin,
      known: [...ENCODER_ARCHITECTURES.keys()],
    })
  const sizes = tensorSizes(checkpoint)
  const { text, image, endToken, logitScale }: EncoderTowers = family.read(fields, sizes, headKind(fields))
  const source = (name: string, tower: EncoderTowers['text']): TowerSource | undefined =>
    tower && { name: `${architecture} ${name}`, config: tower.config, names: tower.names, checkpoint }
  return {
    architecture,
    checkpoint,
    text: source('text', text),
    image: source('image', image),
    endToken,
    logitScale: logitScale === undefined ? 1 : await readScale(fields, checkpoint, logitScale),
  }
}

/** The head that the class of the model has. @throws HenceError `ARCHITECTURE_UNKNOWN` for a head Hence does not know */
function headKind(fields: ConfigFields): HeadKind {
  const classes = fields.raw('architectures')
  const name = Array.isArray(classes) && typeof classes[0] === 'string' ? classes[0] : 'Model'
  const [, head] = /For([A-Z]\w*)$/.exec(name) ?? []
  if (head === undefined) return 'none'
  const kind = HEADS[head]
  if (kind) return kind
  throw new HenceError('ARCHITECTURE_UNKNOWN', `${fields.origin}: the head of ${name.slice(0, 80)} is not known`, {
    architecture: name.slice(0, 80),
    known: Object.keys(HEADS),
  })
}

const HEADS: Readonly<Record<string, HeadKind>> = {
  MaskedLM: 'masked-lm',
  PreTraining: 'masked-lm',
  SequenceClassification: 'sequence',
  ImageClassification: 'sequence',
  TokenClassification: 'token',
}

/** The exponential of a scalar of the checkpoint. */
async function readScale(fields: ConfigFields, { tensors }: Checkpoint, name: string): Promise<number> {
  const tensor = tensors.get(name)!
  if (tensor.shape.some(size => size !== 1)) throw fields.invalid(`${name} is [${tensor.shape.join(', ')}], must be one number`)
  const [scale] = await readFloat32(tensor)
  const { min, max } = ENCODER_LIMITS.logitScale
  if (!(scale! >= min && scale! <= max)) throw fields.invalid(`${name} is ${scale}, must be a number from ${min} to ${max}`)
  return Math.exp(scale!)
}
