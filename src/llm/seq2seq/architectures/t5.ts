import { ACTIVATION_NAMES, type MlpConfig } from '../../block-config.ts'
import type { ConfigFields } from '../../config-fields.ts'
import { DECODER_LIMITS as LIMITS } from '../../decoder-config.ts'
import { type RelativeBiasConfig, SEQ2SEQ_LIMITS } from '../seq2seq-config.ts'
import type { Seq2SeqNames } from '../seq2seq-roles.ts'
import type { Seq2SeqArchitecture } from './seq2seq-architecture.ts'

/** T5: positions are a bias of distances, scores are not scaled, norms are RMS, and there are no biases. */
export const t5: Seq2SeqArchitecture = {
  modelTypes: ['t5', 'mt5'],
  read(fields, tensors) {
    const hidden = fields.integer('d_model', LIMITS.hidden)
    const heads = fields.integer('num_heads', LIMITS.heads)
    const headDim = fields.integer('d_kv', LIMITS.headDim)
    const layerCount = fields.integer('num_layers', LIMITS.layers)
    const targetLayerCount = fields.integer('num_decoder_layers', LIMITS.layers, layerCount)
    const mlp = readMlp(fields)
    const relativeBias = readRelativeBias(fields)
    const isTied = fields.boolean('tie_word_embeddings', true)
    const input = { kind: 'tokens', context: null, scale: 1, positions: null, hasNorm: false } as const
    const shared = { heads, headDim, scale: 1, hasOutputBias: false, mlp }
    const source = { ...shared, window: null, rope: null, hasAttentionNorm: true, hasQkvBias: false }
    const target = { ...shared, hasQueryBias: false, hasKeyBias: false }
    return {
      names: namesOf(mlp.isGated, name => tensors.has(`${name}.embed_tokens.weight`)),
      config: {
        architecture: fields.text('model_type', 't5'),
        vocabulary: fields.integer('vocab_size', LIMITS.vocabulary),
        hidden,
        norm: { kind: 'rms', epsilon: fields.number('layer_norm_epsilon', LIMITS.epsilon, 1e-6), hasBias: false },
        normPlace: 'before',
        encoder: { input, relativeBias, hasFinalNorm: true, layers: Array.from({ length: layerCount }, () => source) },
        decoder: { input, relativeBias, hasFinalNorm: true, layers: Array.from({ length: targetLayerCount }, () => target) },
        // The original form shares one table for everything and shrinks vectors before the output matrix; later forms do neither.
        head: { isTied, scale: isTied ? hidden ** -0.5 : 1, hasBias: false },
      },
    }
  },
}

/** `feed_forward_proj` names the activation, `gated-` in front of it where there are two matrices. */
function readMlp(fields: ConfigFields): MlpConfig {
  const text = fields.text('feed_forward_proj', 'relu')
  const isGated = text.startsWith('gated-')
  const name = isGated ? text.slice('gated-'.length) : text
  // The first gated files say gelu and mean the approximation.
  const activation = isGated && name === 'gelu' ? 'gelu_tanh' : ACTIVATION_NAMES[name]
  if (!activation || !Object.hasOwn(ACTIVATION_NAMES, name))
    throw fields.invalid(
      `feed_forward_proj "${text}" is not known; known are ${Object.keys(ACTIVATION_NAMES).join(', ')}, also with gated-`,
      {
        feedForward: text,
      },
    )
  return { width: fields.integer('d_ff', LIMITS.mlpWidth), activation, isGated, hasBias: false }
}

function readRelativeBias(fields: ConfigFields): RelativeBiasConfig {
  const buckets = fields.integer('relative_attention_num_buckets', SEQ2SEQ_LIMITS.buckets, 32)
  const maxDistance = fields.integer('relative_attention_max_distance', SEQ2SEQ_LIMITS.distance, 128)
  if (maxDistance <= buckets >> 1 || buckets % 4 !== 0)
    throw fields.invalid(`${buckets} buckets do not reach to a distance of ${maxDistance}`, { buckets, maxDistance })
  return { buckets, maxDistance }
}

/** @param hasOwnTable - of a side: its table of tokens stands under its own name, not only as the shared one */
function namesOf(isGated: boolean, hasOwnTable: (side: string) => boolean): Seq2SeqNames {
  const side = (name: 'encoder' | 'decoder', mlp: number) => ({
    relativeBias: { base: `${name}.block.0.layer.0.SelfAttention.relative_attention_bias` },
    attentionNorm: { base: `${name}.block.{layer}.layer.0.layer_norm` },
    q: { base: `${name}.block.{layer}.layer.0.SelfAttention.q` },
    k: { base: `${name}.block.{layer}.layer.0.SelfAttention.k` },
    v: { base: `${name}.block.{layer}.layer.0.SelfAttention.v` },
    attentionOutput: { base: `${name}.block.{layer}.layer.0.SelfAttention.o` },
    mlpNorm: { base: `${name}.block.{layer}.layer.${mlp}.layer_norm` },
    gate: { base: `${name}.block.{layer}.layer.${mlp}.DenseReluDense.wi_0` },
    up: { base: `${name}.block.{layer}.layer.${mlp}.DenseReluDense.${isGated ? 'wi_1' : 'wi'}` },
    down: { base: `${name}.block.{layer}.layer.${mlp}.DenseReluDense.wo` },
    finalNorm: { base: `${name}.final_layer_norm` },
    embedding: { base: hasOwnTable(name) ? `${name}.embed_tokens` : 'shared' },
  })
  const cross = (role: string) => ({ base: `decoder.block.{layer}.layer.1.EncDecAttention.${role}` })
  return {
    encoder: { prefixes: [''], places: side('encoder', 1) },
    decoder: {
      prefixes: [''],
      places: {
        ...side('decoder', 2),
        crossNorm: { base: 'decoder.block.{layer}.layer.1.layer_norm' },
        crossQ: cross('q'),
        crossK: cross('k'),
        crossV: cross('v'),
        crossOutput: cross('o'),
        head: { base: 'lm_head' },
      },
    },
  }
}
