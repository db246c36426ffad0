/**
 * The same models in other forms: as GGUF, with the names, settings and orders of rows that llama.cpp's converters give
 * them, and in other spellings of `config.json`. The answers are those of the checkpoints they are made from.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { referenceBackend } from '../../../src/backends/index.ts'
import {
  type Checkpoint,
  type GgufInput,
  openGguf,
  openHuggingFaceFolder,
  readFloat32,
  type StoredTensor,
  writeGguf,
} from '../../../src/formats/index.ts'
import { type DecoderSource, decoderFromGguf, decoderFromHuggingFace } from '../../../src/llm/index.ts'
import { describeWithTestdata, testdata } from '../../testdata.ts'
import { compileReference, copyOf, huggingFaceReference, largestDifference, scatteredBlocks, wholePrompt } from './reference-model.ts'

/** What a converter does with one tensor: its new name, and its numbers in a new order. */
type Rename = readonly [pattern: RegExp, name: string, change?: (values: Float32Array, config: Config) => Float32Array]
type Config = Readonly<Record<string, number>>

interface GgufForm {
  readonly folder: string
  readonly architecture: string
  readonly names: readonly Rename[]
  readonly metadata: (config: Config) => Record<string, GgufInput>
  readonly extra?: (config: Record<string, unknown>) => Record<string, readonly number[]>
}

const LAYER = String.raw`model\.layers\.(\d+)`
const rename = (part: string, name: string, change?: Rename[2]): Rename => [
  new RegExp(`^${LAYER}\\.${part}\\.weight$`),
  `blk.$1.${name}.weight`,
  change ?? (values => values),
]
const ENDS: readonly Rename[] = [
  [/^model\.embed_tokens\.weight$/, 'token_embd.weight'],
  [/^model\.norm\.weight$/, 'output_norm.weight'],
  [/^lm_head\.weight$/, 'output.weight'],
]
const ATTENTION = ['q', 'k', 'v'].map(role => rename(`self_attn\\.${role}_proj`, `attn_${role}`))
const OUTPUT = rename('self_attn\\.o_proj', 'attn_output')
const QK_NORMS = ['q', 'k'].map(role => rename(`self_attn\\.${role}_norm`, `attn_${role}_norm`))
const MLP = ['gate', 'up', 'down'].map(role => rename(`mlp\\.${role}_proj`, `ffn_${role}`))
const INPUT_NORMS = [rename('input_layernorm', 'attn_norm'), rename('post_attention_layernorm', 'ffn_norm')]

/** Norms of Gemma have 1 added. */
const plusOne = (values: Float32Array): Float32Array => values.map(value => value + 1)
/** Rows of q and k so that pairs which are half a head apart become neighbours. */
const interleaved =
  (headsName: string) =>
  (values: Float32Array, config: Config): Float32Array => {
    const heads = config[headsName]!
    const width = config['hidden_size']!
    const headDim = values.length / heads / width
    const result = new Float32Array(values.length)
    for (let h = 0; h < heads; h++)
      for (let r = 0; r < headDim; r++) {
        const to = h * headDim + 2 * (r % (headDim / 2)) + Math.floor((2 * r) / headDim)
        result.set(values.subarray((h * headDim + r) * width, (h * headDim + r + 1) * width), to * width)
      }
    return result
  }
/** Rows of each head's q, k and v become all rows of q, then of k, then of v. */
const parted = (values: Float32Array, config: Config): Float32Array => {
  const heads = config['num_attention_heads']!
  const size = values.length / heads / 3
  const result = new Float32Array(values.length)
  for (let h = 0; h < heads; h++)
    for (let part = 0; part < 3; part++)
      result.set(values.subarray((h * 3 + part) * size, (h * 3 + part + 1) * size), (part * heads + h) * size)
  return result
}

const uint = (value: number): GgufInput => ({ type: 'u32', value })
const gated = (c: Config): Record<string, GgufInput> => ({
  context_length: uint(c['max_position_embeddings']!),
  embedding_length: uint(c['hidden_size']!),
  block_count: uint(c['num_hidden_layers']!),
  feed_forward_length: uint(c['intermediate_size']!),
  'attention.head_count': uint(c['num_attention_heads']!),
  'attention.head_count_kv': uint(c['num_key_value_heads'] ?? c['num_attention_heads']!),
  'attention.layer_norm_rms_epsilon': c['rms_norm_eps'] ?? 0,
  'rope.freq_base': c['rope_theta'] ?? c['rotary_emb_base']!,
})

const GEMMA3: GgufForm = {
  folder: 'gemma3',
  architecture: 'gemma3',
  names: [
    [/^model\.embed_tokens\.weight$/, 'token_embd.weight'],
    [/^model\.norm\.weight$/, 'output_norm.weight', plusOne],
    ...ATTENTION,
    OUTPUT,
    ...['q', 'k'].map(role => rename(`self_attn\\.${role}_norm`, `attn_${role}_norm`, plusOne)),
    ...MLP,
    rename('input_layernorm', 'attn_norm', plusOne),
    rename('post_attention_layernorm', 'post_attention_norm', plusOne),
    rename('pre_feedforward_layernorm', 'ffn_norm', plusOne),
    rename('post_feedforward_layernorm', 'post_ffw_norm', plusOne),
  ],
  metadata: c => ({
    ...gated(c),
    'attention.key_length': uint(c['head_dim']!),
    'attention.value_length': uint(c['head_dim']!),
    'attention.sliding_window': uint(c['sliding_window']!),
    'attention.sliding_window_pattern': uint(c['sliding_window_pattern']!),
    'rope.scaling.type': 'linear',
    'rope.scaling.factor': 8,
    // Only so that its scale differs from that of its heads.
    'attention.scale': 1 / Math.sqrt(c['query_pre_attn_scalar']!),
  }),
}

const PHI3: GgufForm = {
  folder: 'phi3',
  architecture: 'phi3',
  names: [
    ...ENDS,
    rename('self_attn\\.qkv_proj', 'attn_qkv'),
    OUTPUT,
    rename('mlp\\.gate_up_proj', 'ffn_up'),
    rename('mlp\\.down_proj', 'ffn_down'),
    ...INPUT_NORMS,
  ],
  metadata: c => ({
    ...gated(c),
    'rope.dimension_count': uint(16 * c['partial_rotary_factor']!),
    'rope.scaling.original_context_length': uint(c['original_max_position_embeddings']!),
    'attention.sliding_window': uint(0),
  }),
}

const FORMS: readonly GgufForm[] = [
  {
    folder: 'qwen3',
    architecture: 'qwen3',
    names: [...ENDS, ...ATTENTION, OUTPUT, ...QK_NORMS, ...MLP, ...INPUT_NORMS],
    metadata: c => ({ ...gated(c), 'attention.key_length': uint(c['head_dim']!), 'attention.value_length': uint(c['head_dim']!) }),
  },
  {
    folder: 'olmo2',
    architecture: 'olmo2',
    names: [
      ...[...ENDS, ...ATTENTION, OUTPUT, ...QK_NORMS, ...MLP],
      rename('post_attention_layernorm', 'post_attention_norm'),
      rename('post_feedforward_layernorm', 'post_ffw_norm'),
    ],
    metadata: gated,
  },
  GEMMA3,
  PHI3,
  {
    ...PHI3,
    folder: 'phi3-longrope',
    metadata: c => ({ ...PHI3.metadata(c), 'rope.scaling.attn_factor': Math.sqrt(1 + Math.log(256 / 48) / Math.log(48)) }),
    extra: config => {
      const scaling = config['rope_scaling'] as Record<string, number[]>
      return { 'rope_factors_long.weight': scaling['long_factor']!, 'rope_factors_short.weight': scaling['short_factor']! }
    },
  },
  {
    folder: 'gpt_neox',
    architecture: 'gptneox',
    names: [
      [/^gpt_neox\.embed_in\.weight$/, 'token_embd.weight'],
      [/^gpt_neox\.final_layer_norm\.(weight|bias)$/, 'output_norm.$1'],
      [/^embed_out\.weight$/, 'output.weight'],
      [/^gpt_neox\.layers\.(\d+)\.attention\.query_key_value\.(weight|bias)$/, 'blk.$1.attn_qkv.$2', parted],
      [/^gpt_neox\.layers\.(\d+)\.attention\.dense\.(weight|bias)$/, 'blk.$1.attn_output.$2'],
      [/^gpt_neox\.layers\.(\d+)\.input_layernorm\.(weight|bias)$/, 'blk.$1.attn_norm.$2'],
      [/^gpt_neox\.layers\.(\d+)\.post_attention_layernorm\.(weight|bias)$/, 'blk.$1.ffn_norm.$2'],
      [/^gpt_neox\.layers\.(\d+)\.mlp\.dense_h_to_4h\.(weight|bias)$/, 'blk.$1.ffn_up.$2'],
      [/^gpt_neox\.layers\.(\d+)\.mlp\.dense_4h_to_h\.(weight|bias)$/, 'blk.$1.ffn_down.$2'],
    ],
    metadata: c => ({
      ...gated(c),
      'attention.layer_norm_epsilon': c['layer_norm_eps']!,
      'rope.dimension_count': uint(c['rotary_pct']! * 16),
      use_parallel_residual: true,
    }),
  },
]

/** Files do not say which layers have no positions: every fourth. */
const SMOLLM3: GgufForm = {
  folder: 'smollm3',
  architecture: 'smollm3',
  names: [
    ...ENDS,
    rename('self_attn\\.q_proj', 'attn_q', interleaved('num_attention_heads')),
    rename('self_attn\\.k_proj', 'attn_k', interleaved('num_key_value_heads')),
    ...[rename('self_attn\\.v_proj', 'attn_v'), OUTPUT, ...MLP, ...INPUT_NORMS],
  ],
  metadata: gated,
}

describeWithTestdata('other forms', () => {
  let scratch: string

  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'hence-forms-'))
  })

  afterAll(() => rmSync(scratch, { recursive: true }))

  test.each(FORMS)('$folder as GGUF', async form => {
    const path = join(scratch, `${form.folder}.gguf`)
    await convert(form, path)
    await expectSame(form.folder, await decoderFromGguf(await openGguf(path), path))
  })

  test('smollm3 as GGUF', async () => {
    const path = join(scratch, 'smollm3.gguf')
    await convert(SMOLLM3, path)
    const { config, checkpoint } = await openHuggingFaceFolder(testdata('refs', 'smollm3'))
    const { no_rope_layers: _, no_rope_layer_interval: __, ...rest } = config
    const folder = decoderFromHuggingFace(rest, checkpoint, 'smollm3')
    expect(folder.config.layers.map(({ mixer }) => mixer.kind === 'attention' && mixer.rope)).toEqual([0, 0, 0, null])
    const ids = Array.from({ length: 60 }, (_, i) => (i * 37) % 512)
    const file = await decoderFromGguf(await openGguf(path), path)
    expect(largestDifference(await logitsOf(file, ids), await logitsOf(folder, ids))).toBeLessThan(2e-4)
    await Promise.all([file.checkpoint.close(), checkpoint.close()])
  })

  describe('gemma3 inside a model that also sees', () => {
    test.each(['model.language_model.', 'language_model.model.'])('%s', async prefix => {
      const { config, checkpoint } = await openHuggingFaceFolder(testdata('refs', 'gemma3'))
      const tensors = [...checkpoint.tensors.values()].map(tensor => ({ ...tensor, name: tensor.name.replace(/^model\./, prefix) }))
      const vision: StoredTensor = { ...tensors[0]!, name: 'model.vision_tower.patch_embedding.weight' }
      // What equals the default is left out of such files.
      const { rms_norm_eps: _, tie_word_embeddings: __, rope_local_base_freq: ___, ...text } = config
      await expectSame(
        'gemma3',
        decoderFromHuggingFace(
          { model_type: 'gemma3', text_config: text, vision_config: {} },
          { ...checkpoint, tensors: named([...tensors, vision]) },
          'gemma3',
        ),
      )
    })
  })

  test('gemma3 with an object for the rotary positions of each kind of layer', async () => {
    const { config, checkpoint } = await openHuggingFaceFolder(testdata('refs', 'gemma3'))
    const { rope_theta: theta, rope_scaling: scaling, rope_local_base_freq: local, sliding_window_pattern: _, ...rest } = config
    const nested = {
      ...rest,
      layer_types: ['sliding_attention', 'sliding_attention', 'full_attention', 'sliding_attention'],
      rope_parameters: {
        full_attention: { ...(scaling as object), rope_theta: theta },
        sliding_attention: { rope_type: 'default', rope_theta: local },
      },
    }
    await expectSame('gemma3', decoderFromHuggingFace(nested, checkpoint, 'gemma3'))
  })
})

/** Logits of all prompts are those of the checkpoint in `folder`. */
async function expectSame(folder: string, source: DecoderSource): Promise<void> {
  const model = await huggingFaceReference(folder)
  for (const [i, { ids }] of model.prompts.entries())
    expect(largestDifference(await logitsOf(source, ids), (await model.numbers(i, 'logits'))!), `prompt ${i}`).toBeLessThan(2e-4)
  await source.checkpoint.close()
  await model.close()
}

async function logitsOf(source: DecoderSource, ids: readonly number[]): Promise<Float32Array> {
  const decoder = await compileReference({ source }, referenceBackend())
  const logits = copyOf(await decoder.run([wholePrompt(ids, scatteredBlocks(source.config.context, 1, 0))]), 'logits')
  decoder.dispose()
  return logits
}

function named(tensors: readonly StoredTensor[]): Checkpoint['tensors'] {
  return new Map(tensors.map(tensor => [tensor.name, tensor]))
}

/** Writes a checkpoint of `refs` as a converter would, in F32. */
async function convert({ folder, architecture, names, metadata, extra }: GgufForm, path: string): Promise<void> {
  const { config, checkpoint } = await openHuggingFaceFolder(testdata('refs', folder))
  const tensors = []
  for (const tensor of checkpoint.tensors.values()) {
    const [pattern, name, change] = names.find(([candidate]) => candidate.test(tensor.name))!
    const values = await readFloat32(tensor)
    const data = change ? change(values, config as Config) : values
    tensors.push({ name: tensor.name.replace(pattern, name), type: 'f32' as const, shape: tensor.shape, data: bytesOf(data) })
  }
  for (const [name, values] of Object.entries(extra?.(config) ?? {}))
    tensors.push({ name, type: 'f32' as const, shape: [values.length], data: bytesOf(Float32Array.from(values)) })
  const settings = Object.entries(metadata(config as Config)).map(([key, value]) => [`${architecture}.${key}`, value])
  await writeGguf(path, { metadata: { 'general.architecture': architecture, ...Object.fromEntries(settings) }, tensors })
  await checkpoint.close()
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
