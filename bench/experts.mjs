/**
 * Decoding with routed experts: the bytes a token touches, times tokens per second, against the read bandwidth of the same
 * moment; a dense model beside it.
 *
 *   node bench/experts.mjs [--rounds 3] [--types q8_0,q4_0,q4_k_m] [--folder DIR] [--idle]
 *
 * Makes the random models (8 layers with 32 experts each, of which a token is sent to 4) in DIR. A run in which the host took
 * more than 1 % of the processors' time away is repeated. Needs a build (`npm run build`).
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { undisturbed } from './quiet.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    types: { type: 'string', default: 'q8_0,q4_0,q4_k_m' },
    folder: { type: 'string', default: join(tmpdir(), 'hence-bench') },
    idle: { type: 'boolean', default: false },
  },
})
const env = { ...process.env, HENCE_CACHE: join(options.folder, 'cache') }

function modelOf(type, isRouted) {
  const path = join(options.folder, `random-${isRouted ? 'experts-' : ''}${type}.gguf`)
  const flags = ['--type', type, ...(isRouted ? ['--experts'] : [])]
  if (!existsSync(path)) execFileSync(process.execPath, [join(here, 'random-model.mjs'), path, ...flags], { stdio: 'inherit' })
  return path
}

/** One run with 2 threads, a prompt of 512 tokens and 64 generated ones. */
function measure(model) {
  const args = [join(here, 'hence-llm.mjs'), model, '2', '512', '64']
  return JSON.parse(execFileSync(process.execPath, args, { cwd: here, env, encoding: 'utf8', maxBuffer: 1 << 26 }))
}

const median = values => values.toSorted((a, b) => a - b)[values.length >> 1]
const spread = (values, digits) =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`

mkdirSync(options.folder, { recursive: true })
console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, 2 threads, ${options.rounds} rounds\n`)
console.log('| model | backend | decode tok/s | bytes per token | of the bandwidth | prefill tok/s | fast·exact cosine | stolen |')
console.log('|---|---|---|---|---|---|---|---|')
for (const type of options.types.split(','))
  for (const isRouted of [true, false]) {
    const model = modelOf(type, isRouted)
    measure(model) // fills the cache
    const runs = []
    for (let round = 0; round < Number(options.rounds); round++) runs.push(await undisturbed(() => measure(model), options))
    const pick = f => runs.map(({ result }) => f(result))
    const cells = [
      isRouted ? `${type}, 4 of 32 experts` : `${type}, dense`,
      runs[0].result.backend,
      spread(
        pick(r => r.decode),
        1,
      ),
      `${(runs[0].result.stepWeightBytes / 1e6).toFixed(0)} MB`,
      `${spread(
        pick(r => (100 * r.stepWeightBytes * r.decode) / r.bandwidth),
        0,
      )} % of ${spread(
        pick(r => r.bandwidth / 1e9),
        1,
      )} GB/s`,
      spread(
        pick(r => r.prefill),
        0,
      ),
      Math.min(...pick(r => r.cosine)).toFixed(4),
      `${(100 * Math.max(...runs.map(run => run.stolen))).toFixed(1)} %`,
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
