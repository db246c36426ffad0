import type { ConfigFields } from '../config-fields.ts'
import { type DecoderConfig, type ExpertsConfig, DECODER_LIMITS as LIMITS } from '../decoder-config.ts'
import type { DecoderNames } from '../decoder-roles.ts'
import type { TensorSizes } from './architecture.ts'
import { GATED_GGUF_NAMES } from './gated-names.ts'

/** The same decoder with routed experts in place of the MLPs of some layers. */
export function withExperts(config: DecoderConfig, expertsOf: (layer: number) => ExpertsConfig | null): DecoderConfig {
  return { ...config, layers: config.layers.map((layer, index) => ({ ...layer, mlp: expertsOf(index) ?? layer.mlp })) }
}

/**
 * How many experts there are, and how many a token is sent to.
 *
 * @throws HenceError `CONFIG_INVALID`
 */
export function expertCounts(fields: ConfigFields, count: string, perToken: string): Pick<ExpertsConfig, 'count' | 'perToken'> {
  const counts = { count: fields.integer(count, LIMITS.experts), perToken: fields.integer(perToken, LIMITS.experts) }
  if (counts.perToken > counts.count)
    throw fields.invalid(`${perToken} is ${counts.perToken}, there are only ${counts.count} experts`, { ...counts })
  return counts
}

/** Plain experts as GGUF metadata describes them. */
export function ggufExperts(fields: ConfigFields, more: Pick<ExpertsConfig, 'isNormalized' | 'gating'>): ExpertsConfig {
  return {
    kind: 'experts',
    ...expertCounts(fields, 'expert_count', 'expert_used_count'),
    width: fields.integer('expert_feed_forward_length', LIMITS.mlpWidth, fields.integer('feed_forward_length', LIMITS.mlpWidth)),
    ...more,
    hasRouterBias: false,
    hasBias: false,
  }
}

/** Names of Llama's block in GGUF with experts, stacked, or a tensor each as in older files. */
export function ggufExpertNames(tensors: Pick<TensorSizes, 'has'>): DecoderNames {
  const isStacked = !tensors.has('blk.0.ffn_gate.0.weight')
  const nameOf = (part: string) => ({ base: isStacked ? `blk.{layer}.ffn_${part}_exps` : `blk.{layer}.ffn_${part}.{expert}` })
  return {
    ...GATED_GGUF_NAMES,
    places: {
      ...GATED_GGUF_NAMES.places,
      router: { base: 'blk.{layer}.ffn_gate_inp' },
      expertGate: nameOf('gate'),
      expertUp: nameOf('up'),
      expertDown: nameOf('down'),
    },
  }
}
