import type { MlpConfig } from '../../block-config.ts'
import type { ConfigFields } from '../../config-fields.ts'
import { DECODER_LIMITS as LIMITS } from '../../decoder-config.ts'
import type { EncoderLayer } from '../../encoder/encoder-config.ts'
import type { TargetLayer } from '../seq2seq-config.ts'
import type { Seq2SeqNames } from '../seq2seq-roles.ts'

/** The layers of both sides as Bart, Marian and Whisper spell them, `encoder_layers` and so on. */
export function sideSizes(
  fields: ConfigFields,
  hidden: number,
  activation: MlpConfig['activation'],
  { hasKeyBias }: { readonly hasKeyBias: boolean },
): { readonly source: readonly EncoderLayer[]; readonly target: readonly TargetLayer[] } {
  const side = (name: 'encoder' | 'decoder') => {
    const heads = fields.integer(`${name}_attention_heads`, LIMITS.heads)
    if (hidden % heads !== 0) throw fields.invalid(`${heads} heads of the ${name} do not divide ${hidden}`, { heads, hidden })
    const width = fields.integer(`${name}_ffn_dim`, LIMITS.mlpWidth)
    const headDim = hidden / heads
    const mlp: MlpConfig = { width, activation, isGated: false, hasBias: true }
    const count = fields.integer(`${name}_layers`, LIMITS.layers)
    return { count, layer: { heads, headDim, scale: 1 / Math.sqrt(headDim), hasKeyBias, hasOutputBias: true, mlp } }
  }
  const [source, target] = [side('encoder'), side('decoder')]
  const sourceLayer = { ...source.layer, window: null, rope: null, hasAttentionNorm: true, hasQkvBias: true }
  const targetLayer = { ...target.layer, hasQueryBias: true }
  return {
    source: Array.from({ length: source.count }, () => sourceLayer),
    target: Array.from({ length: target.count }, () => targetLayer),
  }
}

/** The names these families share; `embedding` is the table of both sides. */
export function sideNames(embedding: string, prefixes: readonly string[]): Seq2SeqNames {
  const side = (name: 'encoder' | 'decoder') => ({
    embedding: { base: embedding },
    positions: { base: `{prefix}${name}.embed_positions` },
    embeddingNorm: { base: `{prefix}${name}.layernorm_embedding` },
    attentionNorm: { base: `{prefix}${name}.layers.{layer}.self_attn_layer_norm` },
    q: { base: `{prefix}${name}.layers.{layer}.self_attn.q_proj` },
    k: { base: `{prefix}${name}.layers.{layer}.self_attn.k_proj` },
    v: { base: `{prefix}${name}.layers.{layer}.self_attn.v_proj` },
    attentionOutput: { base: `{prefix}${name}.layers.{layer}.self_attn.out_proj` },
    mlpNorm: { base: `{prefix}${name}.layers.{layer}.final_layer_norm` },
    up: { base: `{prefix}${name}.layers.{layer}.fc1` },
    down: { base: `{prefix}${name}.layers.{layer}.fc2` },
    finalNorm: { base: `{prefix}${name}.layer_norm` },
  })
  const cross = (role: string) => ({ base: `{prefix}decoder.layers.{layer}.encoder_attn.${role}` })
  return {
    encoder: { prefixes, places: side('encoder') },
    decoder: {
      prefixes,
      places: {
        ...side('decoder'),
        crossNorm: { base: '{prefix}decoder.layers.{layer}.encoder_attn_layer_norm' },
        crossQ: cross('q_proj'),
        crossK: cross('k_proj'),
        crossV: cross('v_proj'),
        crossOutput: cross('out_proj'),
        head: { base: 'lm_head' },
        headBias: { base: 'final_logits_bias', suffixes: { weight: '', bias: '' } },
      },
    },
  }
}
