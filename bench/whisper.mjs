/**
 * Hence against ONNX Runtime (onnxruntime-node) on a Whisper of tiny's shape with random weights: 30 s of sound, then so many
 * tokens one after the other, in alternating rounds of separate processes on an idle machine. Hence computes the features
 * as well, its peer is given them; the tokens of both are compared.
 *
 *   npm run build && node bench/whisper.mjs [--rounds 3] [--tokens 64] [--threads 2] [--folder DIR] [--python python3]
 *
 * The model is made once, by bench/whisper-export.py; the peer is what `npm run bench:onnx` installs.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const SECONDS = 30
const PREFIX = [50258, 50259, 50359, 50363]
const FIRST_SPECIAL = 50_257
const MEASURED = 3
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    tokens: { type: 'string', default: '64' },
    threads: { type: 'string', default: '2' },
    folder: { type: 'string', default: join(tmpdir(), 'hence-bench', 'whisper') },
    python: { type: 'string', default: 'python3' },
    worker: { type: 'string' },
  },
})
const [rounds, tokenCount, threads] = [options.rounds, options.tokens, options.threads].map(Number)

if (options.worker) console.log(JSON.stringify(await { hence: runHence, peer: runPeer }[options.worker]()))
else compare()

function compare() {
  if (!existsSync(join(options.folder, 'decoder_next.onnx'))) {
    const script = fileURLToPath(new URL('whisper-export.py', import.meta.url))
    const { status } = spawnSync(options.python, [script, options.folder], { stdio: 'inherit' })
    if (status !== 0) process.exit(1)
  }
  console.log(`${cpus()[0]?.model}, ${threads} threads, load ${loadavg()[0].toFixed(2)}, f32 exact\n`)
  const results = { hence: [], peer: [] }
  for (let round = 0; round < rounds; round++)
    for (const engine of round % 2 === 0 ? ['hence', 'peer'] : ['peer', 'hence']) results[engine].push(inProcess(engine))
  const [hence, peer] = [results.hence, results.peer].map(runs => ({
    firstMs: median(runs.map(({ firstMs }) => firstMs)),
    wholeMs: median(runs.map(({ wholeMs }) => wholeMs)),
    spread: spread(runs.map(({ wholeMs }) => wholeMs)),
    tokens: runs[0].tokens,
  }))
  const step = ({ firstMs, wholeMs }) => (wholeMs - firstMs) / (tokenCount - 1)
  console.log(`| | Hence | ONNX Runtime | ratio |\n|---|---|---|---|`)
  for (const [name, value, digits] of [
    ['30 s heard, first token, ms', ({ firstMs }) => firstMs, 1],
    ['token after that, ms', step, 2],
    [`${tokenCount} tokens in all, ms`, ({ wholeMs }) => wholeMs, 1],
    ['real-time factor', ({ wholeMs }) => wholeMs / 1_000 / SECONDS, 4],
  ])
    console.log(
      `| ${name} | ${value(hence).toFixed(digits)} | ${value(peer).toFixed(digits)} | ${(value(peer) / value(hence)).toFixed(2)}× |`,
    )
  // The transcription is text alone.
  const text = peer.tokens.filter(token => token < FIRST_SPECIAL)
  const agreeing = hence.tokens.length === text.length ? hence.tokens.findIndex((token, i) => token !== text[i]) : 0
  console.log(
    `\nspread ${hence.spread} and ${peer.spread}; ${agreeing < 0 ? `all ${text.length} tokens of text agree` : `tokens of text part at ${agreeing} of ${text.length}`}`,
  )
}

function inProcess(worker) {
  const argv = [process.argv[1], '--worker', worker]
  for (const name of ['tokens', 'threads', 'folder']) argv.push(`--${name}`, options[name])
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' })
  if (status !== 0) {
    console.error(stderr)
    process.exit(1)
  }
  return JSON.parse(stdout.trim().split('\n').at(-1))
}

async function runHence() {
  const { load, transcribe } = await import('../dist/index.js')
  const model = await load(options.folder, { kind: 'language', threads, precision: 'exact' })
  const audio = { sampleRate: 16_000, samples: floats('sound.f32') }
  const write = async maxTokens =>
    (await transcribe(model, audio, { language: 'en', maxTokens, ignoreEos: true, temperature: 0 })).text.trim().split(/\s+/)
  const measured = await measure(async maxTokens => (await write(maxTokens)).map(text => Number(text.slice(1))))
  await model[Symbol.asyncDispose]()
  return measured
}

async function runPeer() {
  const ort = await import('onnxruntime-node')
  const { InferenceSession, Tensor } = ort.default ?? ort
  const settings = { executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all' }
  const open = name => InferenceSession.create(join(options.folder, name), settings)
  const [encoder, first, next] = [await open('encoder.onnx'), await open('decoder.onnx'), await open('decoder_next.onnx')]
  const ids = values => new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length])
  const features = new Tensor('float32', floats('features.f32'), [1, 80, 3_000])
  return measure(async maxTokens => {
    const { hidden } = await encoder.run({ features })
    const { logits, ...past } = await first.run({ ids: ids(PREFIX), hidden })
    const tokens = [argmax(logits.data)]
    while (tokens.length < maxTokens) {
      const inputs = { ids: ids(tokens.slice(-1)), ...past, ...(next.inputNames.includes('hidden') ? { hidden } : {}) }
      const { logits: row, ...grown } = await next.run(inputs)
      for (const [name, value] of Object.entries(grown)) past[name.replace('new_', '')] = value
      tokens.push(argmax(row.data))
    }
    return tokens
  })
}

/** Medians of the time to the first token and to the last, once warm. */
async function measure(write) {
  const tokens = await write(tokenCount)
  const times = { first: [], whole: [] }
  for (let i = 0; i < MEASURED; i++)
    for (const [name, count] of [
      ['first', 1],
      ['whole', tokenCount],
    ]) {
      const begun = performance.now()
      await write(count)
      times[name].push(performance.now() - begun)
    }
  return { firstMs: median(times.first), wholeMs: median(times.whole), tokens }
}

function floats(name) {
  const bytes = readFileSync(join(options.folder, name))
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}

function argmax(values) {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i
  return best
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

function spread(values) {
  return `${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)} ms`
}
