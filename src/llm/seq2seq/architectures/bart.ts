import { ACTIVATION_NAMES } from '../../block-config.ts'
import type { ConfigFields } from '../../config-fields.ts'
import { DECODER_LIMITS as LIMITS } from '../../decoder-config.ts'
import type { PositionTable, Seq2SeqConfig, TextInput } from '../seq2seq-config.ts'
import type { Seq2SeqArchitecture } from './seq2seq-architecture.ts'
import { sideNames, sideSizes } from './shared-fields.ts'

/** In what the families of Bart's block differ. */
interface BartTraits {
  readonly architecture: string
  readonly positions: PositionTable
  readonly hasEmbeddingNorm: boolean
}

/** Bart: norms after blocks and after the embeddings, learned positions whose table begins with two rows of no use. */
export const bart: Seq2SeqArchitecture = {
  modelTypes: ['bart'],
  read: (fields, tensors) => ({
    names: sideNames('{prefix}shared', ['model.', '']),
    config: read(fields, tensors.has('final_logits_bias'), {
      architecture: 'bart',
      positions: { kind: 'learned', offset: 2 },
      hasEmbeddingNorm: true,
    }),
  }),
}

/** Marian: Bart with sines for positions and no norm after the embeddings. */
export const marian: Seq2SeqArchitecture = {
  modelTypes: ['marian'],
  read(fields, tensors) {
    if (!fields.boolean('share_encoder_decoder_embeddings', true))
      throw fields.invalid('share_encoder_decoder_embeddings is false; Hence runs models whose two sides share a vocabulary')
    return {
      names: sideNames('{prefix}shared', ['model.', '']),
      config: read(fields, tensors.has('final_logits_bias'), {
        architecture: 'marian',
        positions: { kind: 'sinusoidal' },
        hasEmbeddingNorm: false,
      }),
    }
  },
}

function read(fields: ConfigFields, hasBias: boolean, { architecture, positions, hasEmbeddingNorm }: BartTraits): Seq2SeqConfig {
  const hidden = fields.integer('d_model', LIMITS.hidden)
  const context = fields.integer('max_position_embeddings', LIMITS.context, 1_024)
  const activation = fields.choice('activation_function', ACTIVATION_NAMES, 'gelu')
  const scale = fields.boolean('scale_embedding', false) ? Math.sqrt(hidden) : 1
  const input: TextInput = { kind: 'tokens', context, scale, positions, hasNorm: hasEmbeddingNorm }
  const { source, target } = sideSizes(fields, hidden, activation, { hasKeyBias: true })
  const isTied = fields.boolean('tie_word_embeddings', true)
  return {
    architecture,
    vocabulary: fields.integer('vocab_size', LIMITS.vocabulary),
    hidden,
    norm: { kind: 'layer', epsilon: 1e-5, hasBias: true },
    normPlace: 'after',
    encoder: { input, relativeBias: null, hasFinalNorm: false, layers: source },
    decoder: { input, relativeBias: null, hasFinalNorm: false, layers: target },
    head: { isTied, scale: 1, hasBias },
  }
}
