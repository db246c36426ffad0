/**
 * Looks for what goes wrong after a while: many streams on one engine with too little memory for keys and values, callers
 * that leave at every stage, and every text held against the one that the same engine writes when nothing else runs.
 *
 *   node bench/soak.mjs [--minutes 10] [--streams 64] [--http] [--model PATH] [--context N] [--backend NAME] [--seed N]
 *
 * Without a model a tiny one with random weights is made. The exit code is 1 when a text was lost or crossed, memory for keys
 * and values did not come back, nothing was preempted, or the process grew.
 */
import { register } from 'node:module'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

register('../scripts/typescript-hooks.mjs', import.meta.url)
const { load } = await import('../src/tasks/index.ts')
const { serve } = await import('../src/server/index.ts')
const { askModel, askServer, growthPerMinute, soak } = await import('../test/soak.ts')
const { tinyModelFolder } = await import('../test/tiny-model.ts')

/** Of the memory after the first third, over the whole soak; less than this comes and goes. */
const MAX_GROWTH = { share: 0.05, bytes: 32e6 }
/** In a shorter time the process is still warming up. */
const LEAST_MINUTES = 3

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    streams: { type: 'string', default: '64' },
    http: { type: 'boolean', default: false },
    model: { type: 'string' },
    context: { type: 'string' },
    backend: { type: 'string' },
    threads: { type: 'string' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
setFlagsFromString('--expose-gc')
const number = text => (text === undefined ? undefined : Number(text))
const minutes = Number(values.minutes)
const folder = values.model === undefined ? await tinyModelFolder() : undefined
const model = await load(values.model ?? folder.path, {
  kind: 'language',
  backend: values.backend,
  threads: number(values.threads),
  context: number(values.context),
  precision: 'exact',
})
const server = values.http ? await serve({ models: { model }, port: 0, page: false }) : undefined
const ask = server ? askServer(server.url, 'model') : askModel(model)
const { backend, context, memory } = model.describe()
if (!values.json)
  console.log(
    `${values.streams} streams for ${minutes} min on ${backend.name}, ${backend.threads} threads${server ? ', over HTTP' : ''}; ` +
      `context ${context}, room for ${memory.kvPoolTokens} tokens`,
  )

let toldAt = performance.now()
const report = await soak({
  model,
  ask,
  streams: Number(values.streams),
  seconds: minutes * 60,
  seed: Number(values.seed),
  collectGarbage: runInNewContext('gc'),
  onRound(now) {
    if (values.json || performance.now() - toldAt < 15_000) return
    toldAt = performance.now()
    console.log(lineOf(now))
  },
})
await server?.close()
await model[Symbol.asyncDispose]()
folder?.remove()

const growth = growthPerMinute(report.memory)
const grown = growth * minutes
const base = report.memory[Math.floor(report.memory.length / 3)].rssBytes
const isGrowing = minutes >= LEAST_MINUTES && grown > MAX_GROWTH.bytes && grown > MAX_GROWTH.share * base
const wrong = [
  ...report.failures,
  ...(report.preemptions === 0 ? ['nothing was preempted; take more streams or a smaller --context'] : []),
  ...(isGrowing ? [`the process grows by ${mega(growth)} MB per minute`] : []),
]
if (values.json) console.log(JSON.stringify({ ...report, growthBytesPerMinute: growth, wrong }, undefined, 2))
else {
  console.log(lineOf(report))
  console.log(
    `requests by when their callers left: ${Object.entries(report.requests)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  )
  console.log(
    `memory: ${mega(report.memory.at(-1).rssBytes)} MB, ${growth < 0 ? '' : '+'}${mega(growth)} MB per minute after the first third`,
  )
  console.log(wrong.length === 0 ? 'sound' : `wrong:\n${wrong.join('\n')}`)
}
process.exitCode = wrong.length === 0 ? 0 : 1

function lineOf({ rounds, verified, requests, preemptions, sharedTokens, mostRunning, fullest, memory: seen, failures }) {
  const all = Object.values(requests).reduce((sum, count) => sum + count, 0)
  const { ms, rssBytes } = seen.at(-1)
  return (
    `${(ms / 60_000).toFixed(1)} min: ${rounds} rounds, ${all} requests, ${verified} whole answers verified, ${preemptions} preemptions, ` +
    `${sharedTokens} tokens shared, at most ${mostRunning} at once, ${(fullest * 100).toFixed(0)} % full, ${mega(rssBytes)} MB, ${failures.length} failures`
  )
}

function mega(bytes) {
  return (bytes / 1e6).toFixed(1)
}
