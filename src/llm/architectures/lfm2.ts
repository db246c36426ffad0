import type { ConfigFields } from '../config-fields.ts'
import { type DecoderConfig, DECODER_LIMITS as LIMITS, type ShortConvConfig } from '../decoder-config.ts'
import type { DecoderNames, DecoderRole } from '../decoder-roles.ts'
import type { Architecture } from './architecture.ts'
import { type GatedDecoderTraits, gatedFromGguf, gatedFromHuggingFace, LLAMA_TRAITS } from './gated-decoder.ts'
import { GATED_GGUF_NAMES } from './gated-names.ts'

const TRAITS: GatedDecoderTraits = { ...LLAMA_TRAITS, architecture: 'lfm2', queryKeyNorm: 'head', activation: 'silu' }

const INPUT: readonly DecoderRole[] = ['convInputGate', 'convOutputGate', 'convInput']

/** LFM2: gated short convolutions in most layers, attention with normalised heads in the others. */
export const lfm2: Architecture = {
  name: 'lfm2',
  huggingFace: {
    names: config => huggingFaceNames(convOf(config)),
    readConfig(root, tensors) {
      const fields = root.with({
        rms_norm_eps: root.raw('norm_eps'),
        intermediate_size: mlpWidth(root),
        tie_word_embeddings: root.raw('tie_word_embeddings') ?? root.raw('tie_embedding'),
      })
      const isConv = convLayers(root)
      const [taps, hasBias] = [fields.integer('conv_L_cache', LIMITS.taps, 3), fields.boolean('conv_bias', false)]
      return withConvolutions(gatedFromHuggingFace(fields, tensors, TRAITS), { taps, hasBias }, isConv)
    },
  },
  gguf: {
    names: {
      ...GATED_GGUF_NAMES,
      places: {
        ...GATED_GGUF_NAMES.places,
        finalNorm: { base: 'token_embd_norm' },
        convInputGate: { base: 'blk.{layer}.shortconv.in_proj', fused: INPUT },
        convOutputGate: { base: 'blk.{layer}.shortconv.in_proj', fused: INPUT },
        convInput: { base: 'blk.{layer}.shortconv.in_proj', fused: INPUT },
        shortConv: { base: 'blk.{layer}.shortconv.conv' },
        convOutput: { base: 'blk.{layer}.shortconv.out_proj' },
      },
    },
    readConfig(root, tensors) {
      // One number for each layer; convolutions have none.
      const kvHeads = root.numbers('attention.head_count_kv', { min: 0, max: LIMITS.heads.max }, LIMITS.layers.max)
      const fields = root.with({ 'attention.head_count_kv': Math.max(1, ...kvHeads) })
      const conv = { taps: fields.integer('shortconv.l_cache', LIMITS.taps), hasBias: tensors.has('blk.0.shortconv.conv.bias') }
      return withConvolutions(gatedFromGguf(fields, tensors, TRAITS), conv, layer => kvHeads[layer] === 0)
    },
  },
}

function withConvolutions(
  config: DecoderConfig,
  conv: Omit<ShortConvConfig, 'kind' | 'width'>,
  isConv: (layer: number) => boolean,
): DecoderConfig {
  const mixer = { kind: 'short_conv', width: config.hidden, ...conv } as const
  return { ...config, layers: config.layers.map((layer, index) => (isConv(index) ? { ...layer, mixer } : layer)) }
}

/** Layers with a convolution: those `layer_types` names, or all that `full_attn_idxs` leaves out. */
function convLayers(fields: ConfigFields): (layer: number) => boolean {
  if (!fields.has('layer_types')) {
    const range = { min: 0, max: LIMITS.layers.max }
    const attention = new Set(fields.has('full_attn_idxs') ? fields.numbers('full_attn_idxs', range, LIMITS.layers.max) : [])
    return layer => fields.has('full_attn_idxs') && !attention.has(layer)
  }
  const types = fields.texts('layer_types', LIMITS.layers.max)
  const unknown = types.find(type => type !== 'conv' && type !== 'full_attention')
  if (unknown !== undefined) throw fields.invalid(`layer_types names "${unknown.slice(0, 60)}"; known are conv, full_attention`)
  return layer => {
    if (layer >= types.length) throw fields.invalid(`layer_types has ${types.length} entries, none for layer ${layer}`)
    return types[layer] === 'conv'
  }
}

/** The width files mean: two thirds of what they say, rounded up to whole multiples, where they ask for it. */
function mlpWidth(fields: ConfigFields): number {
  const said = fields.integer('block_ff_dim', LIMITS.mlpWidth, fields.integer('intermediate_size', LIMITS.mlpWidth, 12_288))
  if (!fields.boolean('block_auto_adjust_ff_dim', true)) return said
  const multiple = fields.integer('block_multiple_of', LIMITS.mlpWidth, 256)
  const adjusted = Math.trunc(fields.number('block_ffn_dim_multiplier', { min: 0, max: 1e3 }, 1) * Math.trunc((2 * said) / 3))
  return Math.ceil(adjusted / multiple) * multiple
}

function convOf({ layers }: DecoderConfig): ShortConvConfig | undefined {
  return layers.map(({ mixer }) => mixer).find(mixer => mixer.kind === 'short_conv')
}

function huggingFaceNames(conv: ShortConvConfig | undefined): DecoderNames {
  const layer = '{prefix}layers.{layer}'
  return {
    prefixes: ['model.', ''],
    places: {
      embedding: { base: '{prefix}embed_tokens' },
      finalNorm: { base: '{prefix}embedding_norm' },
      head: { base: 'lm_head' },
      mixerNorm: { base: `${layer}.operator_norm` },
      q: { base: `${layer}.self_attn.q_proj` },
      k: { base: `${layer}.self_attn.k_proj` },
      v: { base: `${layer}.self_attn.v_proj` },
      qNorm: { base: `${layer}.self_attn.q_layernorm` },
      kNorm: { base: `${layer}.self_attn.k_layernorm` },
      attentionOutput: { base: `${layer}.self_attn.out_proj` },
      convInputGate: { base: `${layer}.conv.in_proj`, fused: INPUT },
      convOutputGate: { base: `${layer}.conv.in_proj`, fused: INPUT },
      convInput: { base: `${layer}.conv.in_proj`, fused: INPUT },
      shortConv: { base: `${layer}.conv.conv`, ...(conv && { weight: { fileShape: [conv.width, 1, conv.taps] } }) },
      convOutput: { base: `${layer}.conv.out_proj` },
      mlpNorm: { base: `${layer}.ffn_norm` },
      gate: { base: `${layer}.feed_forward.w1` },
      up: { base: `${layer}.feed_forward.w3` },
      down: { base: `${layer}.feed_forward.w2` },
    },
  }
}
