import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { availableBackends } from '../../test/backends.ts'
import { tinyModelFolder } from '../../test/tiny-model.ts'
import { warningsDuring } from '../../test/warnings.ts'
import type { GenerateOptions, GenerationResult, LanguageModel } from '../core/index.ts'
import { type LoadOptions, load } from './load.ts'

const BACKENDS = availableBackends().some(({ isNative }) => isNative) ? (['reference', 'native'] as const) : (['reference'] as const)
const PROMPT = 'A prompt that is long enough to fill three blocks!'
const GREEDY: GenerateOptions = { temperature: 0, maxTokens: 20, ignoreEos: true }
/** Whole blocks of the prompt and its answer, whose last token is not computed. */
const BLOCKS = Math.floor((PROMPT.length + 19) / 16)

let tiny: Awaited<ReturnType<typeof tinyModelFolder>>
let scratch: string
let folder: string
beforeAll(async () => {
  tiny = await tinyModelFolder()
  scratch = await mkdtemp(join(tmpdir(), 'hence-durable-'))
})
afterAll(async () => {
  tiny.remove()
  await rm(scratch, { recursive: true, force: true })
})
beforeEach(async () => {
  folder = join(await mkdtemp(join(scratch, 'one-')), 'blocks')
})

function start(options: LoadOptions = {}, source: string = tiny.path): Promise<LanguageModel> {
  return load(source, { kind: 'language', prefixCacheFolder: folder, ...options })
}

/** Asks a model that is loaded for this alone. */
async function askOnce(options: LoadOptions = {}, generate: GenerateOptions = {}, source?: string): Promise<GenerationResult> {
  const model = await start(options, source)
  const result = await model.generate(PROMPT, { ...GREEDY, ...generate }).done()
  await model[Symbol.asyncDispose]()
  return result
}

const cachedOf = ({ usage }: GenerationResult): number => usage.cachedTokens ?? 0
const blockFiles = async (): Promise<string[]> => (await readdir(folder)).filter(name => name.endsWith('.kv'))

test.each(BACKENDS)('what was computed is found after a restart: %s', async backend => {
  const first = await askOnce({ backend })
  expect([cachedOf(first), (await blockFiles()).length]).toEqual([0, BLOCKS])
  const second = await askOnce({ backend })
  expect(cachedOf(second)).toBe(48)
  expect([second.text, second.tokens]).toEqual([first.text, first.tokens])
})

test('a conversation goes on where it was', async () => {
  const { text } = await askOnce()
  const model = await start()
  const turn = `${PROMPT}${text} And`
  const again = await model.generate(turn, { ...GREEDY, maxTokens: 4 }).done()
  const plain = await load(tiny.path, { kind: 'language' })
  expect(again.tokens).toEqual((await plain.generate(turn, { ...GREEDY, maxTokens: 4 }).done()).tokens)
  expect(cachedOf(again)).toBe(16 * BLOCKS)
  await model[Symbol.asyncDispose]()
  await plain[Symbol.asyncDispose]()
})

test('blocks of other models, precisions and salts are not taken', async () => {
  await askOnce({}, { cacheSalt: 'a' })
  const other = await tinyModelFolder({ config: { rope_theta: 5_000 } })
  const bare = await tinyModelFolder({ config: { rms_norm_eps: 1e-3 } })
  expect(cachedOf(await askOnce({}, { cacheSalt: 'b' }))).toBe(0)
  expect(cachedOf(await askOnce({}))).toBe(0)
  expect(cachedOf(await askOnce({ precision: 'fast' }, { cacheSalt: 'a' }))).toBe(0)
  expect(cachedOf(await askOnce({ precision: 'fast', kvType: 'f32' }, { cacheSalt: 'a' }))).toBe(0)
  expect(cachedOf(await askOnce({ kvType: 'i8' }, { cacheSalt: 'a' }))).toBe(0)
  for (const { path, remove } of [other, bare]) {
    expect(cachedOf(await askOnce({}, { cacheSalt: 'a' }, path))).toBe(0)
    remove()
  }
  expect(cachedOf(await askOnce({}, { cacheSalt: 'a' }))).toBe(48)
})

test('damaged blocks are computed again', async () => {
  const first = await askOnce()
  for (const name of await blockFiles()) {
    const file = await readFile(join(folder, name))
    file[file.length >> 1]! ^= 1
    await writeFile(join(folder, name), file)
  }
  const second = await askOnce()
  expect([cachedOf(second), second.text]).toEqual([0, first.text])
  // The first was found damaged and is whole again.
  expect(cachedOf(await askOnce())).toBeGreaterThan(0)
})

test('what makes room for others in memory is brought back from disk', async () => {
  const model = await start()
  // Each fills five blocks, and all of them more than there are.
  const room = model.activity().kvTokens / 16
  const prompts = Array.from({ length: 12 }, (_, i) => String.fromCharCode(97 + i).repeat(70))
  const answers = new Map<string, string>()
  for (const prompt of prompts) answers.set(prompt, (await model.generate(prompt, GREEDY).done()).text)
  while ((await blockFiles()).length < prompts.length * 5 - room) await new Promise(resolve => setTimeout(resolve, 5))
  const again = await Promise.all(prompts.slice(0, 3).map(prompt => model.generate(prompt, GREEDY).done()))
  for (const [i, { text, usage }] of again.entries()) expect([text, usage.cachedTokens]).toEqual([answers.get(prompts[i]!), 64])
  await model[Symbol.asyncDispose]()
})

test('many prompts at once find what they begin with, though not all of it fits into memory', async () => {
  const askAll = async (): Promise<GenerationResult[]> => {
    const model = await start()
    const prompts = Array.from({ length: 30 }, (_, i) => String.fromCharCode(65 + i).repeat(70))
    expect(prompts.length * 4).toBeGreaterThan(model.activity().kvTokens / 16)
    const results = await Promise.all(prompts.map(prompt => model.generate(prompt, { ...GREEDY, maxTokens: 4 }).done()))
    await model[Symbol.asyncDispose]()
    return results
  }
  const first = await askAll()
  const second = await askAll()
  expect(second.map(({ text }) => text)).toEqual(first.map(({ text }) => text))
  // Which steps come between is not the same everywhere.
  expect(second.filter(result => cachedOf(result) === 64).length).toBeGreaterThan(10)
})

test('a prompt that waits for the disk can be stopped, and others go on', async () => {
  await askOnce()
  const model = await start()
  const controller = new AbortController()
  const stopped = model.generate(PROMPT, { ...GREEDY, signal: controller.signal }).done()
  const other = model.generate('another', GREEDY).done()
  expect(model.activity().waiting).toBe(2)
  controller.abort()
  expect((await stopped).finishReason).toBe('aborted')
  expect((await other).tokens).toHaveLength(20)
  expect(cachedOf(await model.generate(PROMPT, GREEDY).done())).toBe(48)
  expect(model.activity()).toMatchObject({ running: 0, waiting: 0, kvTokensUsed: 0 })
  await model[Symbol.asyncDispose]()
})

test('a folder that cannot be made is told', async () => {
  await writeFile(join(scratch, 'file'), '')
  await expect(start({ prefixCacheFolder: join(scratch, 'file', 'below') })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
})

test('a disk that fails changes no answer, and is told once', async () => {
  const { text } = await askOnce()
  const model = await start()
  await rm(folder, { recursive: true })
  await writeFile(folder, 'not even root writes files into this')
  const warnings = await warningsDuring(async () => {
    const results = await Promise.all([PROMPT, PROMPT, 'x'.repeat(60)].map(prompt => model.generate(prompt, GREEDY).done()))
    expect(results.slice(0, 2).map(result => result.text)).toEqual([text, text])
    expect(model.activity()).toMatchObject({ running: 0, waiting: 0, kvTokensUsed: 0 })
    await model[Symbol.asyncDispose]()
  })
  expect(warnings).toMatchObject([{ code: 'CACHE_FAILED', details: { folder } }])
})

test('models with a state keep nothing, and say so', async () => {
  const [hidden, width, states, rank, vocabulary] = [16, 32, 4, 2, 258]
  const layers = [0, 1].flatMap(layer =>
    Object.entries({
      'norm.weight': [hidden],
      'mixer.in_proj.weight': [2 * width, hidden],
      'mixer.conv1d.weight': [width, 1, 4],
      'mixer.conv1d.bias': [width],
      'mixer.x_proj.weight': [rank + 2 * states, width],
      'mixer.dt_proj.weight': [width, rank],
      'mixer.dt_proj.bias': [width],
      'mixer.A_log': [width, states],
      'mixer.D': [width],
      'mixer.out_proj.weight': [hidden, width],
    }).map(([name, shape]) => [`backbone.layers.${layer}.${name}`, shape] as const),
  )
  const mamba = await tinyModelFolder({
    config: {
      architectures: ['MambaForCausalLM'],
      model_type: 'mamba',
      intermediate_size: width,
      state_size: states,
      time_step_rank: rank,
      conv_kernel: 4,
      hidden_act: 'silu',
    },
    onlyShapes: {
      'backbone.embeddings.weight': [vocabulary, hidden],
      'backbone.norm_f.weight': [hidden],
      ...Object.fromEntries(layers),
    },
  })
  const ask = (options: LoadOptions): Promise<GenerationResult> => askOnce({ context: 96, ...options }, {}, mamba.path)
  const plain = await ask({ prefixCacheFolder: undefined })
  const warnings = await warningsDuring(async () => {
    for (let i = 0; i < 2; i++) {
      const { text, usage } = await ask({})
      expect([text, usage.cachedTokens]).toEqual([plain.text, undefined])
    }
  })
  await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' })
  expect(warnings).toHaveLength(2)
  expect(warnings[0]).toMatchObject({
    code: 'CACHE_FAILED',
    message: `nothing of this mamba model is kept in ${folder}: its blocks are of no use without a state`,
  })
  mamba.remove()
})

test('nothing is kept where beginnings are not shared', async () => {
  const model = await start({ prefixCache: false })
  await model.generate(PROMPT, GREEDY).done()
  await model[Symbol.asyncDispose]()
  await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' })
})
