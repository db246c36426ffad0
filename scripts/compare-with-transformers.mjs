/**
 * Compares a local checkpoint in Hugging Face layout with transformers, layer by layer, and says where they part:
 *
 *   node scripts/compare-with-transformers.mjs FOLDER [--ids 1,2,3] [--backend reference|native] [--tolerance 2e-4]
 *
 * Needs a Python with torch, transformers and safetensors: `python3`, or what HENCE_PYTHON names. Models that write, models
 * that read texts, and models that do both; of the latter the encoder is compared, then the decoder on what it was given.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { register } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

register('./typescript-hooks.mjs', import.meta.url)
const { openHuggingFaceFolder, openSafetensors, readFloat32 } = await import('../src/formats/index.ts')
const { openBackend } = await import('../src/backends/index.ts')
const llm = await import('../src/llm/index.ts')
const seq2seq = await import('../src/llm/seq2seq/index.ts')
const { tensorLocator } = await import('../src/llm/tensor-names.ts')
const { partings } = await import('../test/conformance/llm/partings.ts')

/** Taps of a layer by the role whose module shows them, and whether as its input. */
const MODULE_TAPS = [
  ['mixerNorm', 'mixer_norm', false],
  ['q', 'q', false],
  ['k', 'k', false],
  ['v', 'v', false],
  ['qNorm', 'q', false],
  ['kNorm', 'k', false],
  ['attentionOutput', 'attention', true],
  ['mlpNorm', 'mlp_norm', false],
  ['down', 'mlp_inner', true],
]
const SOURCE_TOKENS = 24
const TOKENS = 19

/** The input of a comparison where none is given: ids that differ and are no special ones. */
function someIds(count, vocabulary) {
  return Array.from({ length: count }, (_, i) => Math.min(vocabulary - 1, 5 + ((i * 7919 + 31) % Math.max(1, vocabulary - 8))))
}

async function decoderRun(config, checkpoint, folder, backend, given) {
  const source = llm.decoderFromHuggingFace(config, checkpoint, folder)
  const { vocabulary, layers } = source.config
  const ids = given ?? someIds(TOKENS, vocabulary)
  const program = llm.writeDecoder(source, { kvType: 'f32', hasTaps: true })
  const limits = llm.stepLimits(source.config, ids.length, 16 * Math.ceil(ids.length / 16))
  const decoder = await llm.Decoder.compile(source, program, { backend, precision: 'exact', limits })
  const blocks = Array.from({ length: Math.ceil(ids.length / 16) }, (_, i) => i)
  const outputs = await decoder.run([{ tokens: ids, start: 0, count: ids.length, rowCount: ids.length, blocks, state: 0 }])
  const ours = Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data.slice()]))
  decoder.dispose()
  const heads = layers.flatMap(({ mixer }) => (mixer.kind === 'attention' ? [mixer.heads, mixer.kvHeads] : []))
  return { ours, request: { kind: 'decoder', ids, heads: [...new Set(heads)], modules: modulesOf(source) } }
}

/** The modules of transformers are called what their tensors are called. */
function modulesOf({ names, config, checkpoint }) {
  const { places } = names
  const locate = tensorLocator(names, checkpoint.tensors, () => 1)
  const pathOf = (role, layer) => {
    const { tensor } = locate(role, 'weight', layer)
    return typeof tensor === 'string' ? tensor.replace(/\.weight$/, '') : undefined
  }
  const modules = {}
  for (const layer of config.layers.keys()) {
    for (const [role, tap, isInput] of MODULE_TAPS) {
      const path = places[role] && !places[role].fused && pathOf(role, layer)
      if (path && checkpoint.tensors.has(`${path}.weight`)) modules[`layer${layer}.${tap}`] = [path, isInput]
    }
    const block = pathOf('mixerNorm', layer) ?? pathOf('attentionOutput', layer)
    const end = block?.match(/^(.*?\.?(?:layers|h)\.\d+)\./)?.[1]
    if (end) modules[`layer${layer}`] = [end, false]
    if (end && layer === 0) modules['embeddings'] = [end, true]
  }
  modules['final_norm'] = [pathOf('finalNorm', 0), false]
  return modules
}

async function encoderRun(config, checkpoint, folder, backend, given) {
  const source = await llm.encoderFromHuggingFace(config, checkpoint, folder)
  if (!source.text) return undefined
  const ids = given ?? someIds(TOKENS, source.text.config.embeddings.vocabulary)
  const tower = await llm.TextTower.compile(source.text, { backend, precision: 'exact', hasTaps: true, endToken: source.endToken })
  const { head: _, pooled: __, ...ours } = await tower.runStep([{ tokens: ids }])
  tower.dispose()
  return { ours, request: { kind: 'encoder', ids, heads: [], modules: {} } }
}

async function seq2seqRun(config, checkpoint, folder, backend, given) {
  const source = seq2seq.seq2seqFromHuggingFace(config, checkpoint, folder)
  const { encoder, vocabulary } = source.config
  const ids = given ?? someIds(TOKENS, vocabulary)
  const { kind, frames, mels } = encoder.input
  const input = kind === 'tokens' ? someIds(SOURCE_TOKENS, vocabulary) : Float32Array.from({ length: frames * mels }, (_, i) => Math.sin(i))
  const programs = seq2seq.writeSeq2Seq(source, { kvType: 'f32', hasTaps: true })
  const sourceTokens = kind === 'tokens' ? input.length : frames
  const limits = {
    ...{ sources: 1, sourceTokens, sourceContext: sourceTokens, tokens: ids.length, sequences: 1, rows: ids.length },
    ...{ targetContext: ids.length, blocks: Math.ceil(sourceTokens / 16) + Math.ceil(ids.length / 16) },
  }
  const model = await seq2seq.Seq2Seq.compile(source, programs, { backend, precision: 'exact', limits })
  const { memory, ...encoded } = await model.encode([input])
  const length = model.tokensOf(input)
  const own = Math.ceil(ids.length / 16)
  const blocks = Array.from({ length: own }, (_, i) => i)
  const place = { memory, length, blocks: Array.from({ length: Math.ceil(length / 16) }, (_, i) => own + i) }
  const slice = { tokens: ids, start: 0, count: ids.length, rowCount: ids.length, blocks, source: place }
  const outputs = await model.step([slice], [place])
  const taps = Object.entries(outputs).map(([name, { data }]) => [name, data.slice()])
  const ours = {
    ...Object.fromEntries(Object.entries(encoded).map(([name, values]) => [`encoder.${name}`, values])),
    'encoder.final': memory,
    ...Object.fromEntries(taps),
  }
  model.dispose()
  const sound = kind === 'tokens' ? { source: input } : { features: transposed(input, frames, mels), mels }
  return { ours, request: { kind: 'encoder-decoder', ids, heads: [], modules: {}, ...sound } }
}

/** `[frames, mels]` as `[mels, frames]`. */
function transposed(values, frames, mels) {
  return Array.from({ length: frames * mels }, (_, i) => values[(i % frames) * mels + Math.floor(i / frames)])
}

/** Runs transformers; undefined, after saying so, where there is no Python with it. */
async function transformersRun(request) {
  const scratch = mkdtempSync(join(tmpdir(), 'hence-compare-'))
  try {
    const [asked, answered] = [join(scratch, 'request.json'), join(scratch, 'answers.safetensors')]
    writeFileSync(asked, JSON.stringify(request))
    const python = process.env['HENCE_PYTHON'] ?? 'python3'
    const script = fileURLToPath(new URL('compare-with-transformers.py', import.meta.url))
    const { status, error, stderr } = spawnSync(python, [script, asked, answered], { encoding: 'utf8', maxBuffer: 1 << 28 })
    if (error || status !== 0) {
      const reason = error ? error.message : (stderr.trim().split('\n').at(-1) ?? '')
      const advice = /No module named|ENOENT/.test(reason) ? '; install torch, transformers and safetensors, or set HENCE_PYTHON' : ''
      process.stderr.write(`compare: ${python} could not compute the model: ${reason}${advice}\n`)
      return undefined
    }
    const { tensors, close } = await openSafetensors(answered)
    const entries = await Promise.all([...tensors].map(async ([name, tensor]) => [name, await readFloat32(tensor)]))
    await close()
    return Object.fromEntries(entries)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

async function main() {
  const { values: flags, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ids: { type: 'string' },
      backend: { type: 'string', default: 'reference' },
      tolerance: { type: 'string', default: '2e-4' },
    },
  })
  if (positionals.length !== 1) {
    process.stderr.write(
      'usage: node scripts/compare-with-transformers.mjs FOLDER [--ids 1,2,3] [--backend reference|native] [--tolerance 2e-4]\n',
    )
    return 2
  }
  const folder = resolve(positionals[0])
  const { config, checkpoint } = await openHuggingFaceFolder(folder)
  const backend = openBackend({ backend: flags.backend })
  const given = flags.ids?.split(',').map(Number)
  const run = llm.isEncoderConfig(config) ? encoderRun : seq2seq.isSeq2SeqConfig(config) ? seq2seqRun : decoderRun
  const result = await run(config, checkpoint, folder, backend, given)
  backend.dispose()
  await checkpoint.close()
  if (!result) {
    process.stderr.write(`compare: ${folder} reads no texts; only models that do are compared\n`)
    return 2
  }
  const { ours, request } = result
  const theirs = await transformersRun({ folder, ...request })
  if (!theirs) return 2
  const taps = partings(ours, theirs)
  const tolerance = Number(flags.tolerance)
  for (const { tap, difference } of taps)
    process.stdout.write(`${difference <= tolerance ? 'same ' : 'PARTS'}  ${difference.toExponential(1).padStart(8)}  ${tap}\n`)
  const first = taps.find(({ difference }) => !(difference <= tolerance))
  process.stdout.write(
    first
      ? `\nThey part at ${first.tap}: it differs by ${first.difference.toExponential(2)}, more than ${tolerance}.\n`
      : `\nThe same to ${tolerance} at all ${taps.length} places.\n`,
  )
  return first ? 1 : 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main()
