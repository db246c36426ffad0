import type { ConfigFields } from '../config-fields.ts'
import { DECODER_LIMITS as LIMITS } from '../decoder-config.ts'
import {
  checkRope,
  linearRope,
  plainRope,
  type RopeModel,
  type RopeTurns,
  ropeFrequencies,
  scaledRope,
  yarnRope,
} from '../rope-frequencies.ts'

/** Rotary positions read from a file, and what they were made from. */
export interface ReadRope {
  readonly model: RopeModel
  readonly turns: RopeTurns
}

/**
 * Rotary positions as `config.json` describes them.
 *
 * @param partial - share of a head that is turned where the configuration does not say
 * @throws HenceError `CONFIG_INVALID`
 */
export function huggingFaceRope(fields: ConfigFields, headDim: number, context: number, partial = 1): ReadRope {
  const dims = Math.floor(headDim * fields.number('partial_rotary_factor', { min: 0, max: 1 }, partial))
  const model: RopeModel = {
    dims: checkTurned(fields, dims, headDim),
    base: fields.number('rope_theta', LIMITS.ropeBase, 10_000),
    context,
    originalContext: fields.has('original_max_position_embeddings')
      ? fields.integer('original_max_position_embeddings', LIMITS.context)
      : undefined,
  }
  return { model, turns: scaledRope(model, fields.object('rope_scaling')) }
}

/**
 * Rotary positions as GGUF metadata describes them. Divisors of single frequencies are in tensors: see
 * `decoderFromGguf`.
 *
 * @param isRounded - the pairs between which YaRN blends are whole, as in all families but one
 * @throws HenceError `CONFIG_INVALID`
 */
export function ggufRope(fields: ConfigFields, headDim: number, context: number, isRounded = true): ReadRope {
  const dims = checkTurned(fields, fields.integer('rope.dimension_count', LIMITS.headDim, headDim), headDim)
  const originalContext = fields.integer('rope.scaling.original_context_length', LIMITS.context, context)
  const model: RopeModel = { dims, base: fields.number('rope.freq_base', LIMITS.ropeBase, 10_000), context, originalContext }
  const turns = fields.choice('rope.scaling.type', SCALINGS, 'none')(model, fields, isRounded)
  const scale = fields.number('rope.scaling.attn_factor', LIMITS.ropeFactor, 1)
  return { model, turns: checkRope(fields, { ...turns, scale: turns.scale * scale }) }
}

const SCALINGS: Readonly<Record<string, (model: RopeModel, fields: ConfigFields, isRounded: boolean) => RopeTurns>> = {
  none: plain,
  linear: (model, fields) => linearRope(model, factorOf(fields)),
  yarn: (model, fields, isRounded) =>
    yarnRope(model, {
      factor: factorOf(fields),
      originalContext: model.originalContext!,
      fastTurns: fields.number('rope.scaling.yarn_beta_fast', LIMITS.ropeFactor, 32),
      slowTurns: fields.number('rope.scaling.yarn_beta_slow', LIMITS.ropeFactor, 1),
      isRounded,
    }),
  longrope: plain,
}

function plain({ dims, base }: RopeModel): RopeTurns {
  return plainRope(ropeFrequencies(dims, base))
}

/** 0, which some files have, means 1. */
function factorOf(fields: ConfigFields): number {
  return fields.number('rope.scaling.factor', { min: 0, max: LIMITS.ropeFactor.max }, 1) || 1
}

/** How many numbers of a head are turned: an even number of them. */
function checkTurned(fields: ConfigFields, turned: number, headDim: number): number {
  if (turned < 2 || turned % 2 !== 0 || turned > headDim)
    throw fields.invalid(`${turned} rotary numbers in a head of ${headDim}: must be even, at least 2 and at most the head`, {
      turned,
      headDim,
    })
  return turned
}
