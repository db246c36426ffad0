import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type LanguageModel, tensor } from '../../src/core/index.ts'
import { encodeGguf, openSafetensors, writeSafetensors } from '../../src/formats/index.ts'
import { inspect, load } from '../../src/tasks/index.ts'
import { type HubServer, startHub } from '../hub-server.ts'
import { externalTensorProto, graphProto, modelProto, nodeProto, tensorType, valueInfo } from '../onnx-writer.ts'
import { TINY_CONFIG, tinyModelFolder } from '../tiny-model.ts'
import { hence } from './cli-process.ts'

const IDS = [256, 72, 105]
const COUNT = 2_000

let folder = ''
let tiny = ''
let removeTiny = (): void => {}
let hub: HubServer
let expected: Float32Array
let gguf: readonly Uint8Array[]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hence-hub-load-'))
  ;({ path: tiny, remove: removeTiny } = await tinyModelFolder())
  await splitSafetensors(join(folder, 'split'))
  gguf = await ggufParts()
  writeFileSync(join(folder, 'tiny.gguf'), (await ggufParts(1))[0]!)
  await using model = await load(tiny, { kind: 'language', backend: 'reference' })
  expected = await logitsOf(model)
})

afterAll(() => {
  removeTiny()
  rmSync(folder, { recursive: true, force: true })
})

beforeEach(async () => {
  const files = filesOf(tiny)
  const { 'model.safetensors': _, ...settings } = files
  hub = await startHub({
    'org/tiny': { files: { ...files, 'README.md': 'x', 'onnx/model.onnx': 'never asked for' } },
    'org/split': { files: { ...settings, ...filesOf(join(folder, 'split')) } },
    'org/tiny-GGUF': {
      files: { 'tiny-F32-00001-of-00002.gguf': gguf[0]!, 'tiny-F32-00002-of-00002.gguf': gguf[1]!, 'tiny-Q4_K_M.gguf': 'never asked for' },
    },
    'org/graph': { files: { 'config.json': '{}', 'onnx/model.onnx': graph(), 'onnx/model.onnx_data': weights() } },
  })
  vi.stubEnv('HF_ENDPOINT', hub.endpoint)
  vi.stubEnv('HF_HOME', mkdtempSync(join(folder, 'home-')))
  for (const name of ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_TOKEN', 'HF_HUB_OFFLINE', 'HF_TOKEN_PATH']) vi.stubEnv(name, undefined)
})

afterEach(async () => {
  await hub.close()
  vi.unstubAllEnvs()
})

function filesOf(path: string): Record<string, Uint8Array> {
  return Object.fromEntries(readdirSync(path).map(name => [name, readFileSync(join(path, name))]))
}

async function logitsOf(model: LanguageModel): Promise<Float32Array> {
  return (await model.logits(IDS)).data as Float32Array
}

/** The tiny model's tensors, in memory. */
async function tinyTensors(): Promise<{ name: string; type: 'f32'; shape: readonly number[]; data: Uint8Array }[]> {
  const checkpoint = await openSafetensors(join(tiny, 'model.safetensors'))
  try {
    return await Promise.all(
      [...checkpoint.tensors.values()].map(async each => ({
        name: each.name,
        type: 'f32' as const,
        shape: each.shape,
        data: await each.read(0, each.byteLength),
      })),
    )
  } finally {
    await checkpoint.close()
  }
}

/** The tiny model in two files and an index. */
async function splitSafetensors(path: string): Promise<void> {
  mkdirSync(path)
  const tensors = await tinyTensors()
  const half = Math.ceil(tensors.length / 2)
  const shards = [tensors.slice(0, half), tensors.slice(half)]
  const nameOf = (i: number): string => `model-0000${i + 1}-of-00002.safetensors`
  for (const [i, shard] of shards.entries()) await writeSafetensors(join(path, nameOf(i)), { tensors: shard })
  const map = shards.flatMap((shard, i) => shard.map(({ name }) => [name, nameOf(i)]))
  writeFileSync(join(path, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(map) }))
}

/** The tiny model's numbers under the names of GGUF, in one file or in parts. */
async function ggufParts(count = 2): Promise<Uint8Array[]> {
  const names: readonly (readonly [RegExp, string])[] = [
    [/^model\.embed_tokens/, 'token_embd'],
    [/^model\.norm/, 'output_norm'],
    [/^model\.layers\.(\d+)\./, 'blk.$1.'],
    [/input_layernorm/, 'attn_norm'],
    [/post_attention_layernorm/, 'ffn_norm'],
    [/self_attn\.([qkv])_proj/, 'attn_$1'],
    [/self_attn\.o_proj/, 'attn_output'],
    [/mlp\.(gate|up|down)_proj/, 'ffn_$1'],
  ]
  const tensors = (await tinyTensors()).map(each => ({
    ...each,
    name: names.reduce((name, [from, to]) => name.replace(from, to), each.name),
  }))
  const u32 = (value: number) => ({ type: 'u32' as const, value })
  const metadata = {
    'general.architecture': 'llama',
    'llama.context_length': u32(TINY_CONFIG.max_position_embeddings),
    'llama.embedding_length': u32(TINY_CONFIG.hidden_size),
    'llama.feed_forward_length': u32(TINY_CONFIG.intermediate_size),
    'llama.block_count': u32(TINY_CONFIG.num_hidden_layers),
    'llama.attention.head_count': u32(TINY_CONFIG.num_attention_heads),
    'llama.attention.head_count_kv': u32(TINY_CONFIG.num_key_value_heads),
    'llama.attention.layer_norm_rms_epsilon': { type: 'f32' as const, value: TINY_CONFIG.rms_norm_eps },
  }
  return Array.from({ length: count }, (_, i) =>
    encodeGguf({
      metadata: {
        ...(i === 0 ? metadata : {}),
        ...(count > 1
          ? {
              'split.no': { type: 'u16' as const, value: i },
              'split.count': { type: 'u16' as const, value: count },
              'split.tensors.count': { type: 'i32' as const, value: tensors.length },
            }
          : {}),
      },
      tensors: tensors.filter((_each, index) => index % count === i),
    }),
  )
}

const weights = (): Uint8Array => new Uint8Array(Float32Array.from({ length: COUNT }, (_, i) => i).buffer)

/** Adds numbers that lie in another file. */
function graph(): Uint8Array {
  return modelProto({
    graph: graphProto({
      nodes: [nodeProto({ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] })],
      initializers: [externalTensorProto('w', 1, [COUNT], { location: 'model.onnx_data', offset: '0', length: String(4 * COUNT) })],
      inputs: [valueInfo('x', tensorType(1, [COUNT]))],
      outputs: [valueInfo('y', tensorType(1, [COUNT]))],
    }),
  })
}

/** What was asked for by name, without the API. */
const fetched = (): string[] =>
  hub.seen
    .filter(({ server, path }) => server === 'hub' && path.includes('/resolve/'))
    .map(({ path }) => path.replace(/^.*\/resolve\/[^/]+\//, ''))

test.each(['org/tiny', 'org/split'])('%s: safetensors through the links of a snapshot give what the folder gives', async name => {
  await using model = await load(name, { kind: 'language', backend: 'reference' })
  expect(await logitsOf(model)).toEqual(expected)
  expect(model.tokenize('Hi')).toEqual([72, 105])
  expect(model.describe().hasChatTemplate).toBe(true)
  expect(fetched()).not.toContain('README.md')
  expect(fetched()).not.toContain('onnx/model.onnx')
})

test('a split GGUF of a quantisation', async () => {
  await using direct = await load(join(folder, 'tiny.gguf'), { kind: 'language', backend: 'reference' })
  await using model = await load('org/tiny-GGUF:F32', { kind: 'language', backend: 'reference' })
  expect(await logitsOf(model)).toEqual(await logitsOf(direct))
  expect(fetched().sort()).toEqual(['tiny-F32-00001-of-00002.gguf', 'tiny-F32-00002-of-00002.gguf'])
})

test('an ONNX graph with its numbers in another file', async () => {
  await using model = await load('org/graph', { kind: 'tensor', backend: 'reference' })
  const { y } = await model.run({ x: tensor('f32', [COUNT], new Float32Array(COUNT).fill(0.5)) })
  expect((y as { data: Float32Array }).data).toEqual(Float32Array.from({ length: COUNT }, (_, i) => i + 0.5))
})

test('what is in the cache needs no network, and is not asked about', async () => {
  const { source } = await inspect('org/tiny', { kind: 'language' })
  await inspect('org/graph', { kind: 'tensor' })
  const asked = hub.seen.length
  await inspect('org/tiny')
  expect(hub.seen.length).toBe(asked)
  await hub.close()
  expect(await inspect('org/tiny')).toMatchObject({ kind: 'language', source })
  vi.stubEnv('HF_HUB_OFFLINE', '1')
  expect(await inspect('org/graph')).toMatchObject({ kind: 'tensor' })
  await expect(inspect('org/split')).rejects.toMatchObject({ code: 'HUB_UNREACHABLE', message: expect.stringMatching(/HF_HUB_OFFLINE/) })
  hub = await startHub({})
})

test('weights that another client left without a tokenizer are completed', async () => {
  const { source } = await inspect('org/tiny', { kind: 'language' })
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) rmSync(join(source, name))
  const asked = hub.seen.length
  await using model = await load('org/tiny', { kind: 'language', backend: 'reference' })
  expect(model.tokenize('Hi')).toEqual([72, 105])
  expect(hub.seen.length).toBeGreaterThan(asked)
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) rmSync(join(source, name))
  await hub.close()
  await using without = await load('org/tiny', { kind: 'language', backend: 'reference' })
  expect(await logitsOf(without)).toEqual(expected)
  hub = await startHub({})
})

test('a file of a revision, the progress of it, and its end by a signal', async () => {
  const stages = new Set<string>()
  const commit = hub.commitOf('org/tiny')
  await using model = await load(`hf://org/tiny@${commit}/model.safetensors`, {
    kind: 'language',
    backend: 'reference',
    onProgress: ({ stage }) => stages.add(stage),
  })
  expect(model.describe().source).toContain(commit)
  expect(stages).toContain('download')
  const controller = new AbortController()
  const stopped = load('org/split', { kind: 'language', signal: controller.signal, onProgress: () => controller.abort() })
  await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
})

test('what is on the disk is no name of the hub', async () => {
  await expect(load('src/hub')).rejects.toMatchObject({ code: 'FORMAT_UNKNOWN' })
  await expect(load('missing/model.gguf')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  await expect(load('./org/tiny')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  expect(hub.seen).toEqual([])
  await expect(load('org/tinny')).rejects.toMatchObject({
    code: 'HUB_NOT_FOUND',
    message: expect.stringMatching(/did you mean org\/tiny\?.*nor is there a file or folder org\/tinny here/),
  })
  await expect(load('hf://org/..')).rejects.toMatchObject({ code: 'OPTION_INVALID' })
})

test('commands take names too', async () => {
  const ran = await hence(['run', 'org/tiny', '--prompt', 'Hi', '--max-tokens', '2', '--temperature', '0', '--backend', 'reference'])
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  expect((await hence(['inspect', 'org/graph', '--json'])).code).toBe(0)
  const wrong = await hence(['chat', 'org/graph'])
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringMatching(/is an ONNX graph/) })
})
