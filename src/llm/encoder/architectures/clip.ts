import type { ConfigFields } from '../../config-fields.ts'
import { DECODER_LIMITS as LIMITS } from '../../decoder-config.ts'
import type { EncoderLayer, HeadConfig, TowerConfig } from '../encoder-config.ts'
import type { EncoderNames, EncoderPlace, EncoderRole } from '../encoder-roles.ts'
import type { EncoderArchitecture } from './encoder-architecture.ts'
import { ENCODER_ACTIVATIONS, headWidth, sharedSizes } from './shared-fields.ts'
import { patchSizes } from './vit.ts'

/** Names of the blocks both towers have. */
function blockPlaces(tower: 'text' | 'vision'): Partial<Record<EncoderRole, EncoderPlace>> {
  const layer = `${tower}_model.encoder.layers.{layer}`
  return {
    attentionNorm: { base: `${layer}.layer_norm1` },
    q: { base: `${layer}.self_attn.q_proj` },
    k: { base: `${layer}.self_attn.k_proj` },
    v: { base: `${layer}.self_attn.v_proj` },
    attentionOutput: { base: `${layer}.self_attn.out_proj` },
    mlpNorm: { base: `${layer}.layer_norm2` },
    up: { base: `${layer}.mlp.fc1` },
    down: { base: `${layer}.mlp.fc2` },
  }
}

const TEXT: EncoderNames = {
  prefixes: [''],
  places: {
    embedding: { base: 'text_model.embeddings.token_embedding' },
    positions: { base: 'text_model.embeddings.position_embedding' },
    ...blockPlaces('text'),
    finalNorm: { base: 'text_model.final_layer_norm' },
    headOutput: { base: 'text_projection' },
  },
}

const IMAGE: EncoderNames = {
  prefixes: [''],
  places: {
    class: { base: 'vision_model.embeddings.class_embedding', suffixes: { weight: '', bias: '' } },
    positions: { base: 'vision_model.embeddings.position_embedding' },
    patches: { base: 'vision_model.embeddings.patch_embedding' },
    // Spelled like this in every published file.
    embeddingNorm: { base: 'vision_model.pre_layrnorm' },
    ...blockPlaces('vision'),
    finalNorm: { base: 'vision_model.post_layernorm' },
    headOutput: { base: 'visual_projection' },
  },
}

/** CLIP: a causal tower for texts and one for pictures, projected into one space. */
export const clip: EncoderArchitecture = {
  modelTypes: ['clip'],
  read(fields, tensors) {
    const [text, image] = ['text_config', 'vision_config'].map(name => {
      const found = fields.object(name)
      if (!found) throw fields.invalid(`${name} is missing`)
      return found
    }) as [ConfigFields, ConfigFields]
    const size = fields.integer('projection_dim', LIMITS.hidden, 512)
    const vocabulary = text.integer('vocab_size', LIMITS.vocabulary)
    const endToken = text.integer('eos_token_id', { min: 0, max: vocabulary - 1 }, vocabulary - 1)
    return {
      text: {
        names: TEXT,
        config: {
          ...towerOf(text, size, 'end'),
          isCausal: true,
          embeddings: {
            kind: 'tokens',
            vocabulary,
            context: text.integer('max_position_embeddings', LIMITS.context, 77),
            positionOffset: 0,
            types: 0,
            hasNorm: false,
          },
        },
      },
      image: {
        names: IMAGE,
        config: {
          ...towerOf(image, size, 'first'),
          isCausal: false,
          embeddings: { ...patchSizes(image), isNested: false, hasBias: false, hasNorm: true },
        },
      },
      // Files from before the end token was stated right say 2; there it is the last of the vocabulary.
      endToken: endToken === 2 ? vocabulary - 1 : endToken,
      ...(tensors.has('logit_scale') ? { logitScale: 'logit_scale' } : {}),
    }
  },
}

function towerOf(fields: ConfigFields, size: number, pooling: 'first' | 'end'): Omit<TowerConfig, 'embeddings' | 'isCausal'> {
  const { hidden, heads, layers, width } = sharedSizes(fields)
  const activation = fields.choice('hidden_act', ENCODER_ACTIVATIONS, 'quick_gelu')
  const layer: EncoderLayer = {
    heads,
    headDim: headWidth(fields, hidden, heads),
    window: null,
    rope: null,
    hasAttentionNorm: true,
    hasQkvBias: true,
    hasOutputBias: true,
    mlp: { width, activation, isGated: false, hasBias: true },
  }
  const head: HeadConfig = {
    kind: 'projection',
    pooling,
    // Vectors of squares leave the image tower as they are.
    hasPooledNorm: pooling === 'first',
    dense: undefined,
    norm: undefined,
    output: { size, hasBias: false, isTied: false },
  }
  return {
    hidden,
    normPlace: 'before',
    norm: { kind: 'layer', epsilon: fields.number('layer_norm_eps', LIMITS.epsilon, 1e-5), hasBias: true },
    ropes: [],
    layers: new Array<EncoderLayer>(layers).fill(layer),
    head,
  }
}
