import type { ConfigFields } from '../../config-fields.ts'
import { DECODER_LIMITS as LIMITS } from '../../decoder-config.ts'
import { ENCODER_LIMITS, type PatchEmbeddings } from '../encoder-config.ts'
import type { EncoderNames } from '../encoder-roles.ts'
import type { EncoderArchitecture } from './encoder-architecture.ts'
import { ENCODER_ACTIVATIONS, headWidth, labelCount, sharedSizes } from './shared-fields.ts'

const LAYER = '{prefix}encoder.layer.{layer}'
const NAMES: EncoderNames = {
  prefixes: ['vit.', ''],
  places: {
    class: { base: '{prefix}embeddings.cls_token', suffixes: { weight: '', bias: '' } },
    positions: { base: '{prefix}embeddings.position_embeddings', suffixes: { weight: '', bias: '' } },
    patches: { base: '{prefix}embeddings.patch_embeddings.projection' },
    attentionNorm: { base: `${LAYER}.layernorm_before` },
    q: { base: `${LAYER}.attention.attention.query` },
    k: { base: `${LAYER}.attention.attention.key` },
    v: { base: `${LAYER}.attention.attention.value` },
    attentionOutput: { base: `${LAYER}.attention.output.dense` },
    mlpNorm: { base: `${LAYER}.layernorm_after` },
    up: { base: `${LAYER}.intermediate.dense` },
    down: { base: `${LAYER}.output.dense` },
    finalNorm: { base: '{prefix}layernorm' },
    headDense: { base: '{prefix}pooler.dense' },
    headOutput: { base: 'classifier' },
  },
}

/** ViT: a picture cut into squares, norms before blocks; the vector of the class is classified. */
export const vit: EncoderArchitecture = {
  modelTypes: ['vit'],
  read(fields, tensors, head) {
    const { hidden, heads, layers, width } = sharedSizes(fields)
    const headDim = headWidth(fields, hidden, heads)
    const activation = fields.choice('hidden_act', ENCODER_ACTIVATIONS, 'gelu')
    const norm = { kind: 'layer', epsilon: fields.number('layer_norm_eps', LIMITS.epsilon, 1e-12), hasBias: true } as const
    const common = { pooling: 'first', hasPooledNorm: false, norm: undefined } as const
    const hasPooler = tensors.has('vit.pooler.dense.weight') || tensors.has('pooler.dense.weight')
    const classifier = {
      kind: 'sequence',
      ...common,
      dense: undefined,
      output: { size: labelCount(fields), hasBias: true, isTied: false },
    } as const
    const poolerActivation = fields.choice('pooler_act', ENCODER_ACTIVATIONS, 'tanh')
    const pooler = { kind: 'pooler', ...common, dense: { activation: poolerActivation, hasBias: true }, output: undefined } as const
    return {
      image: {
        names: NAMES,
        config: {
          hidden,
          embeddings: { ...patchSizes(fields), isNested: true, hasBias: true, hasNorm: false },
          normPlace: 'before',
          norm,
          isCausal: false,
          ropes: [],
          layers: Array.from({ length: layers }, () => ({
            heads,
            headDim,
            window: null,
            rope: null,
            hasAttentionNorm: true,
            hasQkvBias: fields.boolean('qkv_bias', true),
            hasOutputBias: true,
            mlp: { width, activation, isGated: false, hasBias: true },
          })),
          head: head === 'sequence' ? classifier : hasPooler ? pooler : undefined,
        },
      },
    }
  },
}

/** Sizes of pictures and their squares. @throws HenceError `CONFIG_INVALID` when squares do not fit */
export function patchSizes(fields: ConfigFields): Pick<PatchEmbeddings, 'kind' | 'channels' | 'imageSize' | 'patchSize'> {
  const imageSize = fields.integer('image_size', ENCODER_LIMITS.imageSize, 224)
  const patchSize = fields.integer('patch_size', ENCODER_LIMITS.patchSize, 16)
  if (patchSize > imageSize)
    throw fields.invalid(`squares of ${patchSize} do not fit into a picture of ${imageSize}`, { imageSize, patchSize })
  return { kind: 'patches', channels: fields.integer('num_channels', ENCODER_LIMITS.channels, 3), imageSize, patchSize }
}
