/**
 * One measurement of one engine: time to the first result, median time of a run, peak memory, delay of the event loop.
 *
 *   node run-onnx.mjs '{"engine": "hence", "path": …, "inputs": …, "threads": 1, "seconds": 2, "answers": FILE}'
 *
 * Prints one JSON document and writes the outputs to the file `answers`.
 */
import { writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { serialize } from 'node:v8'
import { makeInputs } from './onnx-cases.mjs'

const MOST_RUNS = 20_000
const FEWEST_RUNS = 3

const options = JSON.parse(process.argv[2])
const { engine, path, inputs, threads, seconds, answers, precision, target } = options
const tensors = makeInputs(inputs)
const openers = { hence: openHence, ort: openOnnxRuntime }

// The engine's own modules are part of what a first result takes.
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const start = performance.now()
const { run, outputs, backend } = await openers[engine]()
const loadMs = performance.now() - start
const first = await run()
const firstResultMs = performance.now() - start
await endOfDelay()
const loadDelayMs = delay.max / 1e6

// A quarter of the time warms up.
await repeat(seconds * 250, 1)
delay.reset()
delay.enable()
const times = await repeat(seconds * 1000, FEWEST_RUNS)
await endOfDelay()
writeFileSync(answers, serialize(outputs(first)))
console.log(
  JSON.stringify({
    loadMs,
    firstResultMs,
    loadDelayMs,
    medianMs: times[times.length >> 1],
    runs: times.length,
    delayP99Ms: delay.percentile(99) / 1e6,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    backend,
  }),
)
process.exit(0)

/** Stops watching the event loop; a delay counts only once the loop has gone round after it. */
async function endOfDelay() {
  await sleep(5)
  delay.disable()
}

/** Milliseconds of each run, sorted. */
async function repeat(budgetMs, fewest) {
  const times = []
  const end = performance.now() + budgetMs
  let now = performance.now()
  while (times.length < fewest || (now < end && times.length < MOST_RUNS)) {
    await run()
    const after = performance.now()
    times.push(after - now)
    now = after
  }
  return times.sort((a, b) => a - b)
}

async function openHence() {
  const { load } = await import('../dist/index.js')
  const model = await load(path, { kind: 'tensor', threads, ...(precision ? { precision } : {}), ...(target ? { target } : {}) })
  const feeds = Object.fromEntries(tensors.map(({ name, dtype, shape, data }) => [name, { dtype, shape, data }]))
  return {
    backend: model.describe().backend?.name,
    run: () => model.run(feeds),
    outputs: results => Object.fromEntries(Object.entries(results).map(([name, { shape, data }]) => [name, { shape, data }])),
  }
}

async function openOnnxRuntime() {
  const { InferenceSession, Tensor } = (await import('onnxruntime-node')).default
  const session = await InferenceSession.create(path, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  })
  const types = { f32: 'float32', i64: 'int64' }
  const feeds = Object.fromEntries(tensors.map(({ name, dtype, shape, data }) => [name, new Tensor(types[dtype], data, shape)]))
  return {
    backend: 'cpu',
    run: () => session.run(feeds),
    outputs: results => Object.fromEntries(Object.entries(results).map(([name, { dims, data }]) => [name, { shape: dims, data }])),
  }
}
