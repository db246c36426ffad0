import { DECODER_LIMITS as LIMITS } from '../../decoder-config.ts'
import { ropeFrequencies } from '../../rope-frequencies.ts'
import type { HeadConfig } from '../encoder-config.ts'
import type { EncoderNames, EncoderRole } from '../encoder-roles.ts'
import type { EncoderArchitecture } from './encoder-architecture.ts'
import { ENCODER_ACTIVATIONS, headWidth, labelCount, sharedSizes } from './shared-fields.ts'

const QKV: readonly EncoderRole[] = ['q', 'k', 'v']
const GATE_UP: readonly EncoderRole[] = ['gate', 'up']

const NAMES: EncoderNames = {
  prefixes: ['model.', ''],
  places: {
    embedding: { base: '{prefix}embeddings.tok_embeddings' },
    embeddingNorm: { base: '{prefix}embeddings.norm' },
    attentionNorm: { base: '{prefix}layers.{layer}.attn_norm' },
    q: { base: '{prefix}layers.{layer}.attn.Wqkv', fused: QKV },
    k: { base: '{prefix}layers.{layer}.attn.Wqkv', fused: QKV },
    v: { base: '{prefix}layers.{layer}.attn.Wqkv', fused: QKV },
    attentionOutput: { base: '{prefix}layers.{layer}.attn.Wo' },
    mlpNorm: { base: '{prefix}layers.{layer}.mlp_norm' },
    gate: { base: '{prefix}layers.{layer}.mlp.Wi', fused: GATE_UP },
    up: { base: '{prefix}layers.{layer}.mlp.Wi', fused: GATE_UP },
    down: { base: '{prefix}layers.{layer}.mlp.Wo' },
    finalNorm: { base: '{prefix}final_norm' },
    headDense: { base: 'head.dense' },
    headNorm: { base: 'head.norm' },
    headOutput: { base: 'classifier' },
  },
}

/** ModernBERT: norms before blocks, gated layers, rotary positions with one base for windows and one for whole texts. */
export const modernbert: EncoderArchitecture = {
  modelTypes: ['modernbert'],
  read(fields, tensors, head) {
    const { hidden, heads, layers, width } = sharedSizes(fields)
    const headDim = headWidth(fields, hidden, heads)
    if (headDim % 2 !== 0) throw fields.invalid(`heads of ${headDim} numbers cannot be turned in pairs`, { headDim })
    const activation = fields.choice('hidden_activation', ENCODER_ACTIVATIONS, 'gelu')
    const hasBias = (name: string): boolean => fields.boolean(name, false)
    const norm = { kind: 'layer', epsilon: fields.number('norm_eps', LIMITS.epsilon, 1e-5), hasBias: hasBias('norm_bias') } as const
    const vocabulary = fields.integer('vocab_size', LIMITS.vocabulary)
    const window = Math.floor(fields.integer('local_attention', LIMITS.window, 128) / 2)
    const every = fields.integer('global_attn_every_n_layers', LIMITS.layers, 3)
    const types = fields.raw('layer_types')
    const isGlobal = (layer: number): boolean => (Array.isArray(types) ? types[layer] === 'full_attention' : layer % every === 0)
    const nested = fields.object('rope_parameters')
    const base = (kind: 'full_attention' | 'sliding_attention', name: string, usual: number): number =>
      nested?.object(kind)?.number('rope_theta', LIMITS.ropeBase, usual) ?? fields.number(name, LIMITS.ropeBase, usual)
    const dense = { activation: fields.choice('classifier_activation', ENCODER_ACTIVATIONS, 'gelu'), hasBias: hasBias('classifier_bias') }
    const common = { hasPooledNorm: false, dense, norm } as const
    const labels = (): HeadConfig['output'] => ({ size: labelCount(fields), hasBias: true, isTied: false })
    const decoderBias = fields.boolean('decoder_bias', true)
    const isTied = !tensors.has('decoder.weight')
    const HEADS = {
      'masked-lm': (): HeadConfig => ({
        kind: 'masked-lm',
        pooling: 'tokens',
        ...common,
        output: { size: vocabulary, hasBias: decoderBias, isTied },
      }),
      sequence: (): HeadConfig => ({
        kind: 'sequence',
        pooling: fields.choice('classifier_pooling', { cls: 'first', mean: 'mean' } as const, 'cls'),
        ...common,
        output: labels(),
      }),
      token: (): HeadConfig => ({ kind: 'token', pooling: 'tokens', ...common, output: labels() }),
      none: (): undefined => undefined,
    }
    const decoder = head === 'masked-lm' ? { headOutput: { base: 'decoder' } } : {}
    return {
      text: {
        names: { ...NAMES, places: { ...NAMES.places, ...decoder } },
        config: {
          hidden,
          embeddings: {
            kind: 'tokens',
            vocabulary,
            context: fields.integer('max_position_embeddings', LIMITS.context),
            positionOffset: undefined,
            types: 0,
            hasNorm: true,
          },
          normPlace: 'before',
          norm,
          isCausal: false,
          ropes: [
            { frequencies: ropeFrequencies(headDim, base('full_attention', 'global_rope_theta', 160_000)) },
            { frequencies: ropeFrequencies(headDim, base('sliding_attention', 'local_rope_theta', 10_000)) },
          ],
          layers: Array.from({ length: layers }, (_, layer) => ({
            heads,
            headDim,
            window: isGlobal(layer) ? null : window,
            rope: isGlobal(layer) ? 0 : 1,
            // The norm of the embeddings is that of the first layer.
            hasAttentionNorm: layer > 0,
            hasQkvBias: hasBias('attention_bias'),
            hasOutputBias: hasBias('attention_bias'),
            mlp: { width, activation, isGated: true, hasBias: hasBias('mlp_bias') },
          })),
          head: HEADS[head](),
        },
      },
    }
  },
}
