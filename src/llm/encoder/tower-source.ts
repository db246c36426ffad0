import type { Checkpoint } from '../../formats/index.ts'
import type { Program } from '../../program/index.ts'
import { checkTensors, checkUnused } from '../check-tensors.ts'
import { tensorLocator } from '../tensor-names.ts'
import type { TowerConfig } from './encoder-config.ts'
import { type EncoderNames, encoderRows } from './encoder-roles.ts'
import { towerProgram } from './tower-program.ts'

/** A tower as files describe it, before any weight is read. */
export interface TowerSource {
  readonly name: string
  readonly config: TowerConfig
  readonly names: EncoderNames
  readonly checkpoint: Checkpoint
}

/** The program of a tower, checked against its checkpoint. @throws HenceError as {@link checkTensors} and {@link checkUnused} */
export function writeTower({ name, config, names, checkpoint }: TowerSource, options: { readonly hasTaps?: boolean } = {}): Program {
  const locate = tensorLocator(names, checkpoint.tensors, (role, layer) => encoderRows(role, config.layers[layer]!))
  const program = towerProgram(config, locate, { name, ...options })
  checkTensors(program, checkpoint)
  checkUnused(program, checkpoint, names, config.layers.length)
  return program
}
