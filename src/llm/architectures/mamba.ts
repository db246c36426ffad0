import type { ConfigFields } from '../config-fields.ts'
import { type DecoderConfig, DECODER_LIMITS as LIMITS, type SelectiveScanConfig } from '../decoder-config.ts'
import type { DecoderRole } from '../decoder-roles.ts'
import type { Architecture } from './architecture.ts'

/** A model without attention has no longest context; this is what converted files say. */
const CONTEXT = 2 ** 20

const INPUT: readonly DecoderRole[] = ['scanInput', 'scanGate']
const STATE: readonly DecoderRole[] = ['stateStep', 'stateInput', 'stateOutput']
const BARE = { weight: '', bias: '' }

/** Mamba: selective state spaces in place of attention and MLP. Source: Gu & Dao 2023. */
export const mamba: Architecture = {
  name: 'mamba',
  huggingFace: {
    names: ({ layers }) => {
      const { width, taps } = layers[0]!.mixer as SelectiveScanConfig
      const mixer = '{prefix}layers.{layer}.mixer'
      return {
        prefixes: ['backbone.', ''],
        places: {
          embedding: { base: '{prefix}embeddings' },
          finalNorm: { base: '{prefix}norm_f' },
          head: { base: 'lm_head' },
          mixerNorm: { base: '{prefix}layers.{layer}.norm' },
          scanInput: { base: `${mixer}.in_proj`, fused: INPUT },
          scanGate: { base: `${mixer}.in_proj`, fused: INPUT },
          scanConv: { base: `${mixer}.conv1d`, weight: { fileShape: [width, 1, taps] } },
          stateStep: { base: `${mixer}.x_proj`, fused: STATE },
          stateInput: { base: `${mixer}.x_proj`, fused: STATE },
          stateOutput: { base: `${mixer}.x_proj`, fused: STATE },
          timeStep: { base: `${mixer}.dt_proj` },
          decay: { base: `${mixer}.A_log`, suffixes: BARE },
          skip: { base: `${mixer}.D`, suffixes: BARE },
          scanOutput: { base: `${mixer}.out_proj` },
        },
      }
    },
    readConfig(fields, tensors) {
      const hidden = fields.integer('hidden_size', LIMITS.hidden)
      // Both of its activations; there is no other in published models.
      fields.choice('hidden_act', { silu: true, swish: true }, 'silu')
      return mambaConfig(fields, {
        vocabulary: fields.integer('vocab_size', LIMITS.vocabulary),
        hidden,
        context: CONTEXT,
        layerCount: fields.integer('num_hidden_layers', LIMITS.layers),
        epsilon: fields.number('layer_norm_epsilon', LIMITS.epsilon, 1e-5),
        mixer: {
          kind: 'selective_scan',
          width: fields.integer('intermediate_size', LIMITS.mlpWidth, fields.integer('expand', LIMITS.heads, 2) * hidden),
          stateSize: fields.integer('state_size', LIMITS.stateSize, 16),
          timeStepRank:
            fields.raw('time_step_rank') === 'auto'
              ? Math.ceil(hidden / 16)
              : fields.integer('time_step_rank', LIMITS.hidden, Math.ceil(hidden / 16)),
          taps: fields.integer('conv_kernel', LIMITS.taps, 4),
          isLogarithm: true,
          hasConvBias: fields.boolean('use_conv_bias', true),
          hasBias: fields.boolean('use_bias', false),
        },
        hasTiedHead: fields.boolean('tie_word_embeddings', !tensors.has('lm_head.weight')),
      })
    },
  },
  gguf: {
    names: {
      prefixes: [''],
      places: {
        embedding: { base: 'token_embd' },
        finalNorm: { base: 'output_norm' },
        head: { base: 'output' },
        mixerNorm: { base: 'blk.{layer}.attn_norm' },
        scanInput: { base: 'blk.{layer}.ssm_in', fused: INPUT },
        scanGate: { base: 'blk.{layer}.ssm_in', fused: INPUT },
        scanConv: { base: 'blk.{layer}.ssm_conv1d' },
        stateStep: { base: 'blk.{layer}.ssm_x', fused: STATE },
        stateInput: { base: 'blk.{layer}.ssm_x', fused: STATE },
        stateOutput: { base: 'blk.{layer}.ssm_x', fused: STATE },
        timeStep: { base: 'blk.{layer}.ssm_dt' },
        decay: { base: 'blk.{layer}.ssm_a', suffixes: BARE },
        skip: { base: 'blk.{layer}.ssm_d', suffixes: BARE },
        scanOutput: { base: 'blk.{layer}.ssm_out' },
      },
    },
    readConfig(fields, tensors) {
      if (fields.boolean('ssm.dt_b_c_rms', false)) throw fields.invalid('ssm.dt_b_c_rms: norms of step, B and C are not supported')
      return mambaConfig(fields, {
        vocabulary: tensors.shapeOf('token_embd.weight')?.[0] ?? fields.integer('vocab_size', LIMITS.vocabulary),
        hidden: fields.integer('embedding_length', LIMITS.hidden),
        context: fields.integer('context_length', LIMITS.context),
        layerCount: fields.integer('block_count', LIMITS.layers),
        epsilon: fields.number('attention.layer_norm_rms_epsilon', LIMITS.epsilon),
        mixer: {
          kind: 'selective_scan',
          width: fields.integer('ssm.inner_size', LIMITS.mlpWidth),
          stateSize: fields.integer('ssm.state_size', LIMITS.stateSize),
          timeStepRank: fields.integer('ssm.time_step_rank', LIMITS.hidden),
          taps: fields.integer('ssm.conv_kernel', LIMITS.taps),
          isLogarithm: false,
          hasConvBias: tensors.has('blk.0.ssm_conv1d.bias'),
          hasBias: tensors.has('blk.0.ssm_in.bias'),
        },
        hasTiedHead: !tensors.has('output.weight'),
      })
    },
  },
}

interface MambaSizes {
  readonly vocabulary: number
  readonly hidden: number
  readonly context: number
  readonly layerCount: number
  readonly epsilon: number
  readonly mixer: SelectiveScanConfig
  readonly hasTiedHead: boolean
}

function mambaConfig(
  fields: ConfigFields,
  { vocabulary, hidden, context, layerCount, epsilon, mixer, hasTiedHead }: MambaSizes,
): DecoderConfig {
  if (vocabulary > LIMITS.vocabulary.max)
    throw fields.invalid(`a vocabulary of ${vocabulary} is more than ${LIMITS.vocabulary.max}`, { vocabulary })
  return {
    architecture: 'mamba',
    ...{ vocabulary, hidden, context, hasTiedHead },
    norm: { kind: 'rms', epsilon, hasBias: false },
    embeddingScale: 1,
    positions: null,
    ropes: [],
    layers: Array.from({ length: layerCount }, () => ({
      mixer,
      mlp: null,
      norms: { mixer: true, mixerOutput: false, mlp: false, mlpOutput: false },
      isParallel: false,
    })),
    logitSoftcap: null,
  }
}
