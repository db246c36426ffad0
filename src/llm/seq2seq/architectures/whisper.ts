import { ACTIVATION_NAMES } from '../../block-config.ts'
import { DECODER_LIMITS as LIMITS } from '../../decoder-config.ts'
import { SEQ2SEQ_LIMITS } from '../seq2seq-config.ts'
import type { Seq2SeqArchitecture } from './seq2seq-architecture.ts'
import { sideNames, sideSizes } from './shared-fields.ts'

/** Whisper: hears mel bands of stretches of one length, norms before blocks, no bias on keys. */
export const whisper: Seq2SeqArchitecture = {
  modelTypes: ['whisper'],
  read(fields) {
    const hidden = fields.integer('d_model', LIMITS.hidden)
    const activation = fields.choice('activation_function', ACTIVATION_NAMES, 'gelu')
    const { source, target } = sideSizes(fields, hidden, activation, { hasKeyBias: false })
    const mels = fields.integer('num_mel_bins', SEQ2SEQ_LIMITS.mels, 80)
    const frames = 2 * fields.integer('max_source_positions', SEQ2SEQ_LIMITS.soundPositions, 1_500)
    const context = fields.integer('max_target_positions', LIMITS.context, 448)
    const scale = fields.boolean('scale_embedding', false) ? Math.sqrt(hidden) : 1
    const { encoder, decoder } = sideNames('{prefix}decoder.embed_tokens', ['model.', ''])
    return {
      names: {
        encoder: {
          ...encoder,
          places: {
            ...encoder.places,
            conv1: { base: '{prefix}encoder.conv1' },
            conv2: { base: '{prefix}encoder.conv2' },
          },
        },
        decoder: { ...decoder, places: { ...decoder.places, head: { base: 'proj_out' } } },
      },
      config: {
        architecture: 'whisper',
        vocabulary: fields.integer('vocab_size', LIMITS.vocabulary),
        hidden,
        norm: { kind: 'layer', epsilon: 1e-5, hasBias: true },
        normPlace: 'before',
        encoder: { input: { kind: 'sound', mels, frames }, relativeBias: null, hasFinalNorm: true, layers: source },
        decoder: {
          input: { kind: 'tokens', context, scale, positions: { kind: 'learned', offset: 0 }, hasNorm: false },
          relativeBias: null,
          hasFinalNorm: true,
          layers: target,
        },
        head: { isTied: fields.boolean('tie_word_embeddings', true), scale: 1, hasBias: false },
      },
    }
  },
}
