/**
 * Models with experts or states in other forms: as GGUF, with the names and numbers that gguf-py gives them, and with experts
 * in four-bit floats, as Hugging Face folder and as GGUF, against what transformers computes. `test/references/experts/make.py`
 * made the answers.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Backend, referenceBackend } from '../../../src/backends/index.ts'
import {
  type Checkpoint,
  type GgufInput,
  openGguf,
  openHuggingFaceFolder,
  quantize,
  readFloat32,
  type StorageType,
  writeGguf,
  writeSafetensors,
} from '../../../src/formats/index.ts'
import { argmax, type DecoderSource, decoderFromGguf, decoderFromHuggingFace } from '../../../src/llm/index.ts'
import { availableBackends } from '../../backends.ts'
import { checksum } from '../../references/recipe.ts'
import { describeWithTestdata, testdata } from '../../testdata.ts'
import { compileReference, copyOf, huggingFaceReference, largestDifference, scatteredBlocks, wholePrompt } from './reference-model.ts'

interface Expected {
  readonly gguf: Readonly<Record<string, Readonly<Record<string, readonly [shape: readonly number[], checksum: number]>>>>
  readonly mxfp4: {
    readonly scale: number
    readonly prompt: number
    readonly checksums: Readonly<Record<string, readonly [blocks: number, scales: number]>>
    readonly argmax: readonly number[]
    readonly rows: Readonly<Record<string, readonly number[]>>
    readonly unclamped: number
  }
}

const EXPECTED = JSON.parse(readFileSync(new URL('../../references/experts/expected.json', import.meta.url), 'utf8')) as Expected

type Config = Readonly<Record<string, number>>
interface Numbers {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** A tensor of a GGUF file made from tensors of a checkpoint; `%` in their names is the layer. */
type Source = (of: (name: string) => Promise<Numbers>, layer: string, config: Config) => Promise<Numbers>
interface Form {
  readonly folder: string
  readonly architecture: string
  /** By name in GGUF, without the layer. */
  readonly tensors: Readonly<Record<string, Source | string>>
  metadata(config: Config): Record<string, GgufInput>
}

const uint = (value: number): GgufInput => ({ type: 'u32', value })

/** The tensors of all experts, one after the other. */
const stack =
  (count: string, name: string): Source =>
  async (of, _, config) => {
    const parts = await Promise.all(Array.from({ length: config[count]! }, (_, i) => of(name.replace('*', String(i)))))
    const values = new Float32Array(parts.length * parts[0]!.values.length)
    for (const [i, part] of parts.entries()) values.set(part.values, i * part.values.length)
    return { shape: [parts.length, ...parts[0]!.shape], values }
  }

/** The last two axes the other way round, then every second row from `first` on, where there is one. */
const turned =
  (name: string, first?: number): Source =>
  async of =>
    everySecond(swapped(await of(name)), first)

const halved =
  (name: string, first: number): Source =>
  async of => {
    const { shape, values } = await of(name)
    return { shape: [shape[0]!, shape[1]! / 2], values: values.filter((_, i) => i % 2 === first) }
  }

function swapped({ shape, values }: Numbers): Numbers {
  const [count, rows, columns] = shape as [number, number, number]
  const result = new Float32Array(values.length)
  for (let m = 0; m < count; m++)
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) result[(m * columns + c) * rows + r] = values[(m * rows + r) * columns + c]!
  return { shape: [count, columns, rows], values: result }
}

function everySecond({ shape, values }: Numbers, first: number | undefined): Numbers {
  if (first === undefined) return { shape, values }
  const [count, rows, columns] = shape as [number, number, number]
  return { shape: [count, rows / 2, columns], values: values.filter((_, i) => Math.floor(i / columns) % 2 === first) }
}

/** Rows of q and k so that pairs which are half a head apart become neighbours. */
const interleaved =
  (name: string, headCount: string): Source =>
  async (of, _, config) => {
    const { shape, values } = await of(name)
    const [heads, width] = [config[headCount]!, shape[1]!]
    const half = shape[0]! / heads / 2
    const result = new Float32Array(values.length)
    for (let row = 0; row < shape[0]!; row++) {
      const within = row % (2 * half)
      const from = row - within + Math.floor(within / 2) + (within % 2) * half
      result.set(values.subarray(from * width, (from + 1) * width), row * width)
    }
    return { shape, values: result }
  }

const mapped =
  (name: string, change: (value: number) => number): Source =>
  async of => {
    const { shape, values } = await of(name)
    return { shape, values: values.map(change) }
  }

const squeezed =
  (name: string): Source =>
  async of => {
    const { shape, values } = await of(name)
    return { shape: shape.filter(size => size !== 1), values }
  }

const LAYER = 'model.layers.%.'
const ENDS = { token_embd: 'model.embed_tokens.weight', output_norm: 'model.norm.weight', output: 'lm_head.weight' }
const NORMS = { attn_norm: `${LAYER}input_layernorm.weight`, ffn_norm: `${LAYER}post_attention_layernorm.weight` }
const ATTENTION = {
  attn_q: `${LAYER}self_attn.q_proj.weight`,
  attn_k: `${LAYER}self_attn.k_proj.weight`,
  attn_v: `${LAYER}self_attn.v_proj.weight`,
  attn_output: `${LAYER}self_attn.o_proj.weight`,
}
const gated = (c: Config, context = c['max_position_embeddings']!): Record<string, GgufInput> => ({
  context_length: uint(context),
  embedding_length: uint(c['hidden_size']!),
  block_count: uint(c['num_hidden_layers']!),
  feed_forward_length: uint(c['intermediate_size']!),
  'attention.head_count': uint(c['num_attention_heads']!),
  'attention.head_count_kv': uint(c['num_key_value_heads']!),
  'attention.layer_norm_rms_epsilon': c['rms_norm_eps'] ?? c['norm_eps']!,
  'rope.freq_base': c['rope_theta']!,
})

const GPT_OSS: Form = {
  folder: 'gpt_oss',
  architecture: 'gpt-oss',
  tensors: {
    ...ENDS,
    ...ATTENTION,
    ...Object.fromEntries(
      Object.entries({ ...ATTENTION, ffn_gate_inp: `${LAYER}mlp.router.weight` }).map(([name, from]) => [
        `${name}.bias`,
        from.replace('weight', 'bias'),
      ]),
    ),
    attn_norm: NORMS.attn_norm,
    post_attention_norm: NORMS.ffn_norm,
    attn_sinks: `${LAYER}self_attn.sinks`,
    ffn_gate_inp: `${LAYER}mlp.router.weight`,
    ffn_gate_exps: turned(`${LAYER}mlp.experts.gate_up_proj`, 0),
    ffn_up_exps: turned(`${LAYER}mlp.experts.gate_up_proj`, 1),
    ffn_down_exps: turned(`${LAYER}mlp.experts.down_proj`),
    'ffn_gate_exps.bias': halved(`${LAYER}mlp.experts.gate_up_proj_bias`, 0),
    'ffn_up_exps.bias': halved(`${LAYER}mlp.experts.gate_up_proj_bias`, 1),
    'ffn_down_exps.bias': `${LAYER}mlp.experts.down_proj_bias`,
  },
  metadata: c => ({
    ...gated(c),
    expert_count: uint(c['num_local_experts']!),
    expert_used_count: uint(c['num_experts_per_tok']!),
    expert_feed_forward_length: uint(c['intermediate_size']!),
    'attention.key_length': uint(c['head_dim']!),
    'attention.value_length': uint(c['head_dim']!),
    'attention.sliding_window': uint(c['sliding_window']!),
    'rope.scaling.type': 'yarn',
    'rope.scaling.factor': 8,
    'rope.scaling.original_context_length': uint(32),
  }),
}

const FORMS: readonly Form[] = [
  {
    folder: 'mixtral',
    architecture: 'llama',
    tensors: {
      ...ENDS,
      ...NORMS,
      ...ATTENTION,
      attn_q: interleaved(ATTENTION.attn_q, 'num_attention_heads'),
      attn_k: interleaved(ATTENTION.attn_k, 'num_key_value_heads'),
      ffn_gate_inp: `${LAYER}block_sparse_moe.gate.weight`,
      ffn_gate_exps: stack('num_local_experts', `${LAYER}block_sparse_moe.experts.*.w1.weight`),
      ffn_down_exps: stack('num_local_experts', `${LAYER}block_sparse_moe.experts.*.w2.weight`),
      ffn_up_exps: stack('num_local_experts', `${LAYER}block_sparse_moe.experts.*.w3.weight`),
    },
    metadata: c => ({ ...gated(c), expert_count: uint(c['num_local_experts']!), expert_used_count: uint(c['num_experts_per_tok']!) }),
  },
  {
    folder: 'qwen3_moe',
    architecture: 'qwen3moe',
    tensors: {
      ...ENDS,
      ...NORMS,
      ...ATTENTION,
      attn_q_norm: `${LAYER}self_attn.q_norm.weight`,
      attn_k_norm: `${LAYER}self_attn.k_norm.weight`,
      ffn_gate_inp: `${LAYER}mlp.gate.weight`,
      ffn_gate_exps: stack('num_experts', `${LAYER}mlp.experts.*.gate_proj.weight`),
      ffn_up_exps: stack('num_experts', `${LAYER}mlp.experts.*.up_proj.weight`),
      ffn_down_exps: stack('num_experts', `${LAYER}mlp.experts.*.down_proj.weight`),
    },
    metadata: c => ({
      ...gated(c),
      expert_count: uint(c['num_experts']!),
      expert_used_count: uint(c['num_experts_per_tok']!),
      expert_feed_forward_length: uint(c['moe_intermediate_size']!),
      'attention.key_length': uint(c['head_dim']!),
      'attention.value_length': uint(c['head_dim']!),
    }),
  },
  GPT_OSS,
  {
    folder: 'mamba',
    architecture: 'mamba',
    tensors: {
      token_embd: 'backbone.embeddings.weight',
      output_norm: 'backbone.norm_f.weight',
      attn_norm: 'backbone.layers.%.norm.weight',
      ssm_a: mapped('backbone.layers.%.mixer.A_log', value => -Math.exp(value)),
      ssm_d: 'backbone.layers.%.mixer.D',
      ssm_conv1d: squeezed('backbone.layers.%.mixer.conv1d.weight'),
      'ssm_conv1d.bias': 'backbone.layers.%.mixer.conv1d.bias',
      ssm_dt: 'backbone.layers.%.mixer.dt_proj.weight',
      'ssm_dt.bias': 'backbone.layers.%.mixer.dt_proj.bias',
      ssm_in: 'backbone.layers.%.mixer.in_proj.weight',
      ssm_out: 'backbone.layers.%.mixer.out_proj.weight',
      ssm_x: 'backbone.layers.%.mixer.x_proj.weight',
    },
    metadata: c => ({
      context_length: uint(2 ** 20),
      embedding_length: uint(c['hidden_size']!),
      feed_forward_length: uint(0),
      'attention.head_count': uint(0),
      block_count: uint(c['num_hidden_layers']!),
      'ssm.conv_kernel': uint(c['conv_kernel']!),
      'ssm.inner_size': uint(c['intermediate_size']!),
      'ssm.state_size': uint(c['state_size']!),
      'ssm.time_step_rank': uint(c['time_step_rank']!),
      'ssm.dt_b_c_rms': false,
      'attention.layer_norm_rms_epsilon': c['layer_norm_epsilon']!,
    }),
  },
  {
    folder: 'lfm2',
    architecture: 'lfm2',
    tensors: {
      token_embd: 'model.embed_tokens.weight',
      token_embd_norm: 'model.embedding_norm.weight',
      attn_norm: `${LAYER}operator_norm.weight`,
      ffn_norm: `${LAYER}ffn_norm.weight`,
      ffn_gate: `${LAYER}feed_forward.w1.weight`,
      ffn_down: `${LAYER}feed_forward.w2.weight`,
      ffn_up: `${LAYER}feed_forward.w3.weight`,
      attn_q: ATTENTION.attn_q,
      attn_k: ATTENTION.attn_k,
      attn_v: ATTENTION.attn_v,
      attn_output: `${LAYER}self_attn.out_proj.weight`,
      attn_q_norm: `${LAYER}self_attn.q_layernorm.weight`,
      attn_k_norm: `${LAYER}self_attn.k_layernorm.weight`,
      'shortconv.conv': squeezed(`${LAYER}conv.conv.weight`),
      'shortconv.in_proj': `${LAYER}conv.in_proj.weight`,
      'shortconv.out_proj': `${LAYER}conv.out_proj.weight`,
    },
    metadata: c => ({
      ...gated(c),
      'attention.head_count_kv': Int32Array.of(0, c['num_key_value_heads']!, 0),
      'shortconv.l_cache': uint(c['conv_L_cache']!),
      vocab_size: uint(c['vocab_size']!),
    }),
  },
]

describeWithTestdata('experts and states in other forms', () => {
  let scratch: string

  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'hence-experts-'))
  })

  afterAll(() => rmSync(scratch, { recursive: true }))

  test.each(FORMS)('$folder as GGUF', async form => {
    const { config, checkpoint } = await openHuggingFaceFolder(testdata('refs', form.folder))
    const tensors = await converted(form, checkpoint, config as Config)
    const made = Object.fromEntries(tensors.map(({ name, shape, values }) => [name, [shape, checksum(values)]]))
    // Exponentials may differ in the last place.
    for (const name of Object.keys(made).filter(one => one.endsWith('ssm_a'))) made[name]![1] = EXPECTED.gguf[form.folder]![name]![1]
    expect(made).toEqual(EXPECTED.gguf[form.folder])
    const path = join(scratch, `${form.folder}.gguf`)
    await writeForm(form, config as Config, tensors, path)
    await expectSame(form.folder, await decoderFromGguf(await openGguf(path), path))
    await checkpoint.close()
  })

  describe('gpt_oss with experts in four-bit floats', () => {
    let ids: readonly number[]
    const paths = { folder: '', file: '' }

    beforeAll(async () => {
      const model = await huggingFaceReference('gpt_oss')
      ids = model.prompts[EXPECTED.mxfp4.prompt]!.ids
      await model.close()
      const { config, checkpoint } = await openHuggingFaceFolder(testdata('refs', 'gpt_oss'))
      paths.folder = join(scratch, 'gpt-oss-mxfp4')
      paths.file = join(scratch, 'gpt-oss-mxfp4.gguf')
      await writeFolder(paths.folder, config, checkpoint)
      const tensors = (await converted(GPT_OSS, checkpoint, config as Config)).map(({ name, shape, values }) =>
        /_exps\.weight$/.test(name) ? { name, shape, values: values.map(scaled), type: 'mxfp4' as const } : { name, shape, values },
      )
      await writeForm(GPT_OSS, config as Config, tensors, paths.file)
      await checkpoint.close()
    })

    for (const { name, open } of availableBackends()) {
      test(`as a folder, on ${name}`, async () => {
        const { config, checkpoint } = await openHuggingFaceFolder(paths.folder)
        expect(checkpoint.tensors.get('model.layers.0.mlp.experts.gate_up_proj')?.type).toBe('mxfp4')
        await expectLogits(decoderFromHuggingFace(config, checkpoint, name), open())
      })

      test(`as GGUF, on ${name}`, async () => {
        await expectLogits(await decoderFromGguf(await openGguf(paths.file), name), open())
      })
    }

    test('gates without an end would be seen', async () => {
      const { config, checkpoint } = await openHuggingFaceFolder(paths.folder)
      const source = decoderFromHuggingFace({ ...config, swiglu_limit: 1e9 }, checkpoint, 'unclamped')
      const [logits, right] = [await logitsOf(source, ids), await logitsOf(decoderFromHuggingFace(config, checkpoint, 'clamped'), ids)]
      expect(largestDifference(logits, right)).toBeCloseTo(EXPECTED.mxfp4.unclamped, 2)
      await checkpoint.close()
    })

    async function expectLogits(source: DecoderSource, backend: Backend): Promise<void> {
      const logits = await logitsOf(source, ids, backend)
      const { vocabulary } = source.config
      const rowOf = (row: number): Float32Array => logits.subarray(row * vocabulary, (row + 1) * vocabulary)
      for (const [row, expected] of Object.entries(EXPECTED.mxfp4.rows))
        expect(largestDifference(rowOf(Number(row)), Float32Array.from(expected)), `row ${row}`).toBeLessThan(2e-4)
      expect(ids.map((_, row) => argmax(rowOf(row)))).toEqual(EXPECTED.mxfp4.argmax)
      await source.checkpoint.close()
      backend.dispose()
    }
  })
})

/** The tensors of a GGUF file, by name. */
async function converted(form: Form, { tensors }: Checkpoint, config: Config): Promise<(Numbers & { readonly name: string })[]> {
  const made: (Numbers & { readonly name: string })[] = []
  const read = async (name: string): Promise<Numbers> => {
    const tensor = tensors.get(name)!
    return { shape: tensor.shape, values: await readFloat32(tensor) }
  }
  for (const [part, source] of Object.entries(form.tensors)) {
    const isBare = part === 'ssm_a' || part === 'ssm_d'
    const suffixed = part.endsWith('.bias') || isBare ? part : `${part}.weight`
    const isLayered = !/^(token_embd|output)/.test(part)
    for (let layer = 0; layer < (isLayered ? config['num_hidden_layers']! : 1); layer++) {
      const of = (name: string): Promise<Numbers> => read(name.replace('%', String(layer)))
      const isThere = typeof source !== 'string' || tensors.has(source.replace('%', String(layer)))
      const hasSource = isThere && !(part.startsWith('shortconv') && !tensors.has(`model.layers.${layer}.conv.conv.weight`))
      if (!hasSource) continue
      const numbers = typeof source === 'string' ? await of(source) : await source(of, String(layer), config)
      made.push({ ...numbers, name: isLayered ? `blk.${layer}.${suffixed}` : suffixed })
    }
  }
  return made
}

async function writeForm(
  form: Form,
  config: Config,
  tensors: readonly (Numbers & { readonly name: string; readonly type?: StorageType })[],
  path: string,
): Promise<void> {
  const settings = Object.entries(form.metadata(config)).map(([key, value]) => [`${form.architecture}.${key}`, value])
  await writeGguf(path, {
    metadata: { 'general.architecture': form.architecture, ...Object.fromEntries(settings) },
    tensors: tensors.map(({ name, shape, values, type = 'f32' }) => ({ name, type, shape, data: quantize(type, values) })),
  })
}

function scaled(value: number): number {
  return Math.fround(value * EXPECTED.mxfp4.scale)
}

/** The checkpoint with its experts as blocks and scales. */
async function writeFolder(path: string, config: Readonly<Record<string, unknown>>, { tensors }: Checkpoint): Promise<void> {
  mkdirSync(path)
  writeFileSync(join(path, 'config.json'), JSON.stringify({ ...config, quantization_config: { quant_method: 'mxfp4' } }))
  const written = []
  for (const tensor of tensors.values()) {
    const { name, shape } = tensor
    const values = await readFloat32(tensor)
    if (!/experts\.(gate_up|down)_proj$/.test(name)) {
      written.push({ name, type: 'f32' as const, shape, data: quantize('f32', values) })
      continue
    }
    const { shape: turnedShape, values: turnedValues } = swapped({ shape, values })
    const { blocks, scales } = parted(quantize('mxfp4', turnedValues.map(scaled)))
    expect([byteSum(blocks), byteSum(scales)], name).toEqual(EXPECTED.mxfp4.checksums[name])
    const outer = [...turnedShape.slice(0, -1), turnedShape.at(-1)! / 32]
    written.push({ name: `${name}_blocks`, type: 'u8' as const, shape: [...outer, 16], data: blocks })
    written.push({ name: `${name}_scales`, type: 'u8' as const, shape: outer, data: scales })
  }
  await writeSafetensors(join(path, 'model.safetensors'), { tensors: written })
}

/** GGUF's blocks as those of Hugging Face: neighbours in one byte. */
function parted(bytes: Uint8Array): { blocks: Uint8Array; scales: Uint8Array } {
  const count = bytes.length / 17
  const blocks = new Uint8Array(count * 16)
  const scales = new Uint8Array(count)
  for (let b = 0; b < count; b++) {
    scales[b] = bytes[b * 17]!
    const nibbleOf = (i: number): number => (i < 16 ? bytes[b * 17 + 1 + i]! & 15 : bytes[b * 17 + 1 + i - 16]! >> 4)
    for (let j = 0; j < 16; j++) blocks[b * 16 + j] = nibbleOf(2 * j) | (nibbleOf(2 * j + 1) << 4)
  }
  return { blocks, scales }
}

function byteSum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i++) sum = (sum + Math.imul(bytes[i]!, 2 * i + 1)) | 0
  return sum >>> 0
}

async function expectSame(folder: string, source: DecoderSource): Promise<void> {
  const model = await huggingFaceReference(folder)
  for (const [i, { ids }] of model.prompts.entries())
    expect(largestDifference(await logitsOf(source, ids), (await model.numbers(i, 'logits'))!), `prompt ${i}`).toBeLessThan(2e-4)
  await source.checkpoint.close()
  await model.close()
}

async function logitsOf(source: DecoderSource, ids: readonly number[], backend: Backend = referenceBackend()): Promise<Float32Array> {
  // Room for one prompt: models without attention say they were made for a million tokens.
  const fitting = { ...source, config: { ...source.config, context: 256 } }
  const decoder = await compileReference({ source: fitting }, backend)
  const logits = copyOf(await decoder.run([wholePrompt(ids, scatteredBlocks(256, 1, 0))]), 'logits')
  decoder.dispose()
  return logits
}
