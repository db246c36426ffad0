import { HenceError } from '../../core/index.ts'
import { type Checkpoint, requireSupported } from '../../formats/index.ts'
import type { Program } from '../../program/index.ts'
import { tensorSizes } from '../architectures/architecture.ts'
import { checkTensors } from '../check-tensors.ts'
import { ConfigFields } from '../config-fields.ts'
import { tensorLocator } from '../tensor-names.ts'
import { SEQ2SEQ_ARCHITECTURES } from './architectures/index.ts'
import type { Seq2SeqConfig } from './seq2seq-config.ts'
import type { Seq2SeqNames } from './seq2seq-roles.ts'
import { sourceProgram } from './source-program.ts'
import { type TargetProgramOptions, targetProgram } from './target-program.ts'

/** An encoder–decoder as files describe it, before any weight is read. */
export interface Seq2SeqSource {
  readonly config: Seq2SeqConfig
  readonly names: Seq2SeqNames
  readonly checkpoint: Checkpoint
}

/** True where config.json describes an encoder–decoder. */
export function isSeq2SeqConfig(config: Readonly<Record<string, unknown>>): boolean {
  return Object.hasOwn(SEQ2SEQ_ARCHITECTURES, String(config['model_type']))
}

/**
 * The encoder–decoder in a Hugging Face folder.
 *
 * @param config - `config.json` in its normalised spelling
 * @throws HenceError `ARCHITECTURE_UNKNOWN`, `CONFIG_INVALID`, `FORMAT_UNSUPPORTED`
 */
export function seq2seqFromHuggingFace(config: Readonly<Record<string, unknown>>, checkpoint: Checkpoint, origin: string): Seq2SeqSource {
  requireSupported(checkpoint)
  const fields = ConfigFields.ofObject(origin, config)
  const name = fields.text('model_type')
  const family = Object.hasOwn(SEQ2SEQ_ARCHITECTURES, name) ? SEQ2SEQ_ARCHITECTURES[name] : undefined
  if (!family)
    throw new HenceError('ARCHITECTURE_UNKNOWN', `${origin}: "${name.slice(0, 60)}" is not an encoder–decoder Hence knows`, {
      origin,
      known: Object.keys(SEQ2SEQ_ARCHITECTURES),
    })
  const sizes = tensorSizes(checkpoint)
  return { ...family.read(fields, sizes), checkpoint }
}

/** The programs of both sides. */
export interface Seq2SeqPrograms {
  readonly encoder: Program
  readonly decoder: Program
}

/** The programs of both sides, checked against the checkpoint. @throws HenceError as {@link checkTensors} */
export function writeSeq2Seq({ config, names, checkpoint }: Seq2SeqSource, options: TargetProgramOptions): Seq2SeqPrograms {
  const { tensors } = checkpoint
  const encoder = sourceProgram(
    config,
    tensorLocator(names.encoder, tensors, () => 0),
    options,
  )
  const decoder = targetProgram(
    config,
    tensorLocator(names.decoder, tensors, () => 0),
    options,
  )
  checkTensors(encoder, checkpoint)
  checkTensors(decoder, checkpoint)
  return { encoder, decoder }
}
