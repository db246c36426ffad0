import { ACTIVATION_NAMES } from '../../block-config.ts'
import type { ConfigFields } from '../../config-fields.ts'
import { DECODER_LIMITS as LIMITS } from '../../decoder-config.ts'
import { ENCODER_LIMITS, type EncoderActivation } from '../encoder-config.ts'

/** Activations by the names configurations of encoders use. */
export const ENCODER_ACTIVATIONS: Readonly<Record<string, EncoderActivation>> = {
  ...ACTIVATION_NAMES,
  quick_gelu: 'quick_gelu',
  tanh: 'tanh',
}

/** Width of a head. @throws HenceError `CONFIG_INVALID` when heads do not share the width evenly */
export function headWidth(fields: ConfigFields, hidden: number, heads: number): number {
  if (hidden % heads !== 0) throw fields.invalid(`${heads} heads cannot share ${hidden} numbers evenly`, { heads, hidden })
  return hidden / heads
}

/** Number of classes: as many as `id2label` has, else `num_labels`, else two. */
export function labelCount(fields: ConfigFields): number {
  const labels = fields.raw('id2label')
  if (typeof labels === 'object' && labels !== null && Object.keys(labels).length > 0) return Object.keys(labels).length
  return fields.integer('num_labels', ENCODER_LIMITS.labels, 2)
}

/** Names that most families share. */
export function sharedSizes(fields: ConfigFields): { hidden: number; heads: number; layers: number; width: number } {
  return {
    hidden: fields.integer('hidden_size', LIMITS.hidden),
    heads: fields.integer('num_attention_heads', LIMITS.heads),
    layers: fields.integer('num_hidden_layers', LIMITS.layers),
    width: fields.integer('intermediate_size', LIMITS.mlpWidth),
  }
}
