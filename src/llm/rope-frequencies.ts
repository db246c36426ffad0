import type { ConfigFields } from './config-fields.ts'
import { DECODER_LIMITS, type RopeConfig } from './decoder-config.ts'

const { fround } = Math

type Frequencies = RopeConfig['frequencies']
/** Rotary positions without the order of their pairs. */
export type RopeTurns = Omit<RopeConfig, 'style'>

/** What a way of stretching frequencies needs to know of the model. */
export interface RopeModel {
  /** Numbers of a head that are turned. */
  readonly dims: number
  readonly base: number
  /** Positions the model was made for. */
  readonly context: number
  /** Positions it was made for before it was stretched, where the configuration says so outside of `rope_scaling`. */
  readonly originalContext?: number | undefined
}

/** `base^(−2i / dims)` for each pair of `dims` numbers, rounded to f32 at every step as models were trained. */
export function ropeFrequencies(dims: number, base: number): Frequencies {
  return Float32Array.from({ length: dims / 2 }, (_, i) => 1 / fround(base ** fround((2 * i) / dims)))
}

/** Frequencies as they are. */
export function plainRope(frequencies: Frequencies): RopeTurns {
  return { frequencies, scale: 1, long: null }
}

/**
 * Rotary positions stretched as a Hugging Face `rope_scaling` object says.
 *
 * @throws HenceError `CONFIG_INVALID`
 */
export function scaledRope(model: RopeModel, scaling: ConfigFields | undefined): RopeTurns {
  return scaling ? checkRope(scaling, scaling.choice('rope_type', SCALINGS, 'default')(model, scaling)) : frequenciesOf(model)
}

/** Refuses settings that lead to frequencies which are no numbers. */
export function checkRope(fields: ConfigFields, turns: RopeTurns): RopeTurns {
  const { frequencies, scale, long } = turns
  if (Number.isFinite(scale) && [frequencies, long?.frequencies].every(list => list?.every(Number.isFinite) ?? true)) return turns
  throw fields.invalid('the settings of the rotary positions lead to frequencies that are no numbers')
}

/** Positions closer together by `factor`. */
export function linearRope(model: RopeModel, factor: number): RopeTurns {
  return plainRope(ropeFrequencies(model.dims, model.base).map(frequency => frequency / factor))
}

type Scaling = (model: RopeModel, scaling: ConfigFields) => RopeTurns

const SCALINGS: Readonly<Record<string, Scaling>> = {
  default: frequenciesOf,
  linear: (model, scaling) => linearRope(model, scaling.number('factor', DECODER_LIMITS.ropeFactor)),
  llama3,
  yarn,
  longrope,
  // As older files of Phi-3 call it.
  su: longrope,
}

function frequenciesOf({ dims, base }: RopeModel): RopeTurns {
  return plainRope(ropeFrequencies(dims, base))
}

/** Context before stretching: said in the scaling, beside it, or the model's own. */
function originalContext({ context, originalContext: beside }: RopeModel, scaling: ConfigFields): number {
  return scaling.integer('original_max_position_embeddings', DECODER_LIMITS.context, beside ?? context)
}

/**
 * Slow turns are stretched by `factor`, fast ones kept, those between blended.
 * Source: the `llama3` rope type of Llama 3.1's published configuration.
 */
function llama3(model: RopeModel, scaling: ConfigFields): RopeTurns {
  const factor = scaling.number('factor', DECODER_LIMITS.ropeFactor)
  const low = scaling.number('low_freq_factor', DECODER_LIMITS.ropeFactor, 1)
  const high = scaling.number('high_freq_factor', DECODER_LIMITS.ropeFactor, 4)
  const original = originalContext(model, scaling)
  if (high <= low) throw scaling.invalid(`high_freq_factor ${high} must be more than low_freq_factor ${low}`, { low, high })
  const frequencies = ropeFrequencies(model.dims, model.base).map(frequency => {
    const wavelength = fround(fround(2 * Math.PI) / frequency)
    if (wavelength < original / high) return frequency
    const stretched = fround(frequency / factor)
    if (wavelength > original / low) return stretched
    const blend = fround(fround(fround(original / wavelength) - low) / (high - low))
    return fround(fround(1 - blend) * stretched) + fround(blend * frequency)
  })
  return plainRope(frequencies)
}

/** How {@link yarnRope} stretches. */
export interface YarnScaling {
  readonly factor: number
  readonly originalContext: number
  /** Turns within the original context above which a pair is kept, and below which it is stretched in full. */
  readonly fastTurns: number
  readonly slowTurns: number
  /** The pairs between which the blend goes are rounded outwards. */
  readonly isRounded: boolean
  /** Multiplies cosines and sines; `0.1 · ln(factor) + 1` by default. */
  readonly scale?: number | undefined
}

/**
 * Pairs that turn often within the original context are kept, those that turn seldom stretched, those between blended.
 * Source: Peng et al. 2023 (YaRN).
 */
export function yarnRope({ dims, base }: RopeModel, scaling: YarnScaling): RopeTurns {
  const { factor, originalContext: original, fastTurns, slowTurns, isRounded } = scaling
  const pairOf = (turns: number): number => (dims * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(base))
  const [fast, slow] = [pairOf(fastTurns), pairOf(slowTurns)]
  const low = Math.max(isRounded ? Math.floor(fast) : fast, 0)
  const high = Math.min(isRounded ? Math.ceil(slow) : slow, dims - 1)
  const span = low === high ? 0.001 : high - low
  const frequencies = ropeFrequencies(dims, base).map((frequency, i) => {
    const blend = Math.min(1, Math.max(0, fround(fround(i - low) / span)))
    return fround(fround(frequency / factor) * blend) + fround(frequency * fround(1 - blend))
  })
  return { frequencies, scale: scaling.scale ?? yarnScale(factor), long: null }
}

function yarnScale(factor: number, weight = 1): number {
  return factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1
}

function yarn(model: RopeModel, scaling: ConfigFields): RopeTurns {
  const original = originalContext(model, scaling)
  const factor = scaling.number('factor', DECODER_LIMITS.ropeFactor, model.context / original)
  const range = { min: 0, max: 1e6 }
  const [weight, all] = [scaling.number('mscale', range, 0), scaling.number('mscale_all_dim', range, 0)]
  const derived = weight && all ? yarnScale(factor, weight) / yarnScale(factor, all) : yarnScale(factor)
  return yarnRope(model, {
    factor,
    originalContext: original,
    fastTurns: scaling.number('beta_fast', DECODER_LIMITS.ropeFactor, 32),
    slowTurns: scaling.number('beta_slow', DECODER_LIMITS.ropeFactor, 1),
    isRounded: scaling.boolean('truncate', true),
    scale: scaling.number('attention_factor', DECODER_LIMITS.ropeFactor, derived),
  })
}

/** How {@link longRope} stretches. */
export interface LongRopeScaling {
  readonly shortFactors: ArrayLike<number>
  readonly longFactors: ArrayLike<number>
  readonly originalContext: number
  /** Multiplies cosines and sines. */
  readonly scale: number
}

/** A divisor for each frequency: one set up to the original context, another beyond. Source: Ding et al. 2024 (LongRoPE). */
export function longRope(
  { dims, base }: RopeModel,
  { shortFactors, longFactors, originalContext: after, scale }: LongRopeScaling,
): RopeTurns {
  const divided = (factors: ArrayLike<number>): Frequencies =>
    Float32Array.from({ length: dims / 2 }, (_, i) => 1 / fround(fround(factors[i]!) * fround(base ** fround((2 * i) / dims))))
  return { frequencies: divided(shortFactors), scale, long: { frequencies: divided(longFactors), after } }
}

function longrope(model: RopeModel, scaling: ConfigFields): RopeTurns {
  const original = originalContext(model, scaling)
  const factor = scaling.number('factor', DECODER_LIMITS.ropeFactor, model.context / original)
  const derived = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original))
  return longRope(model, {
    shortFactors: factorsOf(scaling, 'short_factor', model.dims / 2),
    longFactors: factorsOf(scaling, 'long_factor', model.dims / 2),
    originalContext: original,
    scale: scaling.number('attention_factor', DECODER_LIMITS.ropeFactor, derived),
  })
}

function factorsOf(scaling: ConfigFields, name: string, count: number): number[] {
  const factors = scaling.numbers(name, DECODER_LIMITS.ropeFactor, DECODER_LIMITS.headDim.max)
  if (factors.length !== count)
    throw scaling.invalid(`${name} has ${factors.length} numbers, ${count} pairs are turned`, { [name]: factors.length, pairs: count })
  return factors
}
