/**
 * Hence against ONNX Runtime (onnxruntime-node) on encoders with random weights, f32 exact, in alternating rounds of separate
 * processes. Both get the same token ids, padded to the longest of a batch, with a mask; Hence computes none of the padding.
 *
 *   npm run build && node bench/encoders.mjs [--rounds 3] [--threads 2] [--seconds 1] [--only NAME] [--folder DIR] [--python python3]
 *   [--cpu]
 *
 * The models are made once, by bench/encoders-export.py; the peer is what `npm run bench:onnx` installs. `--hence` names
 * another build of Hence to measure. With `--cpu --threads 1` the processor's time is compared instead of the clock's, which
 * says something on a machine that is not idle as well.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { deserialize, serialize } from 'node:v8'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    folder: { type: 'string', default: join(tmpdir(), 'hence-bench', 'encoders') },
    python: { type: 'string', default: 'python3' },
    hence: { type: 'string', default: fileURLToPath(new URL('../dist/index.js', import.meta.url)) },
    cpu: { type: 'boolean', default: false },
    worker: { type: 'string' },
    answers: { type: 'string' },
  },
})
const [rounds, threads, seconds] = [options.rounds, options.threads, options.seconds].map(Number)

/** Lengths like those of questions and paragraphs: a few words to 128 tokens. */
const MIXED = [
  12, 96, 23, 128, 9, 41, 64, 17, 33, 11, 128, 27, 75, 14, 52, 20, 8, 110, 30, 16, 45, 13, 88, 24, 10, 60, 19, 128, 36, 15, 70, 22,
]
const TEXT_CASES = [
  { name: '1 of 16 tokens', lengths: [16] },
  { name: '1 of 128 tokens', lengths: [128] },
  { name: '8 of mixed lengths', lengths: MIXED.slice(0, 8) },
  { name: '32 of mixed lengths', lengths: MIXED },
]
const IMAGE_CASES = [
  { name: '1 picture', pictures: 1 },
  { name: '8 pictures', pictures: 8 },
]
const MODELS = ['minilm-l6', 'bert-base', 'vit-small'].filter(name => name.includes(options.only))
const casesOf = model => (model.startsWith('vit') ? IMAGE_CASES : TEXT_CASES)

if (options.worker) {
  const results = await { hence: runHence, peer: runPeer }[options.worker]()
  writeFileSync(options.answers, serialize(results))
} else compare()

function compare() {
  if (!existsSync(join(options.folder, 'vit-small', 'model.onnx'))) {
    const script = fileURLToPath(new URL('encoders-export.py', import.meta.url))
    const { status } = spawnSync(options.python, [script, options.folder], { stdio: 'inherit' })
    if (status !== 0) process.exit(1)
  }
  console.log(
    `${cpus()[0]?.model}, ${threads} threads, load ${loadavg()[0].toFixed(2)}, f32 exact, ${rounds} rounds, ${options.cpu ? 'processor time' : 'elapsed time'}\n`,
  )
  console.log('| model | batch | Hence ms | ONNX Runtime ms | ratio (of each round) | largest difference |\n|---|---|---|---|---|---|')
  const runs = { hence: [], peer: [] }
  for (let round = 0; round < rounds; round++)
    for (const engine of round % 2 === 0 ? ['hence', 'peer'] : ['peer', 'hence']) runs[engine].push(inProcess(engine))
  for (const model of MODELS)
    for (const [i, { name }] of casesOf(model).entries()) {
      const of = engine => runs[engine].map(results => results[model][i])
      const [hence, peer] = ['hence', 'peer'].map(engine => of(engine).map(({ ms }) => ms))
      const ratios = hence.map((ms, round) => peer[round] / ms)
      const difference = largestDifference(of('hence')[0].answer, of('peer')[0].answer)
      const shown = `${median(ratios).toFixed(2)}× (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`
      console.log(
        `| ${model} | ${name} | ${median(hence).toFixed(2)} | ${median(peer).toFixed(2)} | ${shown} | ${difference.toExponential(1)} |`,
      )
    }
}

function inProcess(worker) {
  const answers = join(options.folder, `${worker}.answers`)
  const argv = [...process.execArgv, process.argv[1], '--worker', worker, '--answers', answers]
  if (options.cpu) argv.push('--cpu')
  for (const name of ['threads', 'seconds', 'only', 'folder', 'hence']) argv.push(`--${name}`, options[name])
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' })
  if (status !== 0) {
    console.error(stderr)
    process.exit(1)
  }
  return deserialize(readFileSync(answers))
}

/** Ids and mask of a batch, or pixels, as `{ dtype, shape, data }`; the same in every process. */
function inputsOf({ lengths, pictures }) {
  if (pictures) {
    const data = Float32Array.from({ length: pictures * 3 * 224 * 224 }, (_, i) => Math.sin(i * 0.37))
    return { pixel_values: { dtype: 'f32', shape: [pictures, 3, 224, 224], data } }
  }
  const longest = Math.max(...lengths)
  const shape = [lengths.length, longest]
  const each = value =>
    BigInt64Array.from({ length: lengths.length * longest }, (_, i) => BigInt(value(Math.floor(i / longest), i % longest)))
  return {
    input_ids: { dtype: 'i64', shape, data: each((row, at) => (at < lengths[row] ? ((row * 7919 + at * 104_729) % 29_000) + 1_000 : 0)) },
    attention_mask: { dtype: 'i64', shape, data: each((row, at) => Number(at < lengths[row])) },
  }
}

/** Rows of tokens that are no padding. */
function kept({ lengths }, { shape, data }) {
  if (!lengths) return Float32Array.from(data)
  const [, longest, width] = shape
  const rows = lengths.flatMap((length, row) => [...data.subarray(row * longest * width, (row * longest + length) * width)])
  return Float32Array.from(rows)
}

/** Milliseconds of the clock, or of the processor for this process. */
function clock() {
  if (!options.cpu) return performance.now()
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

async function measureAll(open) {
  const results = {}
  for (const model of MODELS) {
    const { run, dispose } = await open(join(options.folder, model))
    results[model] = []
    for (const one of casesOf(model)) {
      const inputs = inputsOf(one)
      const answer = kept(one, await run(inputs))
      const times = []
      const begun = performance.now()
      while (times.length < 5 || performance.now() - begun < seconds * 1000) {
        const start = clock()
        await run(inputs)
        times.push(clock() - start)
      }
      results[model].push({ ms: median(times.slice(1)), answer })
    }
    await dispose()
  }
  return results
}

function runHence() {
  return measureAll(async folder => {
    const { load } = await import(pathToFileURL(options.hence).href)
    const model = await load(join(folder, 'config.json'), { kind: 'tensor', threads, precision: 'exact' })
    return {
      run: async inputs => (await model.run(inputs)).last_hidden_state,
      dispose: () => model[Symbol.asyncDispose](),
    }
  })
}

function runPeer() {
  return measureAll(async folder => {
    const ort = await import('onnxruntime-node')
    const { InferenceSession, Tensor } = ort.default ?? ort
    const session = await InferenceSession.create(join(folder, 'model.onnx'), {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
    })
    const types = { f32: 'float32', i64: 'int64' }
    return {
      async run(inputs) {
        const feeds = Object.fromEntries(
          Object.entries(inputs).map(([name, { dtype, shape, data }]) => [name, new Tensor(types[dtype], data, shape)]),
        )
        const { last_hidden_state: y } = await session.run(feeds)
        return { shape: y.dims, data: y.data }
      },
      dispose: () => session.release(),
    }
  })
}

function largestDifference(a, b) {
  let worst = a.length === b.length ? 0 : Infinity
  for (let i = 0; i < b.length; i++) worst = Math.max(worst, Math.abs(a[i] - b[i]))
  return worst
}

function median(values) {
  const sorted = values.toSorted((x, y) => x - y)
  return sorted[Math.floor(sorted.length / 2)]
}
