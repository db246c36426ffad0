/**
 * One measurement of Hence: the same work as peer-llama.mjs, with the read bandwidth of the same moment, the delay of the
 * event loop while a long step runs, and the closeness of `fast` to `exact` logits.
 *
 *   node hence-llm.mjs MODEL.gguf THREADS PROMPT_TOKENS GENERATED_TOKENS [TARGET]     prints one JSON document
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { nativeBackend } from '../dist/backends/index.js'
import { openGguf } from '../dist/formats/index.js'
import { load } from '../dist/index.js'
import { promptOf } from './work.mjs'

const [modelPath, a, b, c, target] = process.argv.slice(2)
const [threads, promptTokens, generatedTokens] = [a, b, c].map(Number)
const settings = { threads, context: 1024, precision: 'fast', ...(target ? { target } : {}) }

// Times count from the start of the process.
const loadStart = performance.now()
const model = await load(modelPath, settings)
const loadMs = performance.now() - loadStart
let firstTokenMs = 0
for await (const _ of model.generate([1, 400], { maxTokens: 1, temperature: 0, ignoreEos: true })) firstTokenMs ||= performance.now()

const prompt = promptOf(promptTokens, 0)
const bandwidth = await measureBandwidth()
let prefill = 0
let decode = 0
const delay = monitorEventLoopDelay({ resolution: 1 })
for (let round = 0; round < 3; round++) {
  delay.enable()
  // Another one each time: what was read once is found in the prefix cache.
  const read = await model.generate(promptOf(promptTokens, round + 1), { maxTokens: 1, temperature: 0, ignoreEos: true }).done()
  delay.disable()
  prefill = Math.max(prefill, (promptTokens / read.timings.timeToFirstTokenMs) * 1000)
  let count = 0
  let start = 0
  for await (const _ of model.generate([400 + round], { maxTokens: generatedTokens + 1, temperature: 0, ignoreEos: true }))
    if (count++ === 0) start = performance.now()
  decode = Math.max(decode, (generatedTokens / (performance.now() - start)) * 1000)
}
const cosine = await closeness()
const { memory, backend } = model.describe()
console.log(
  JSON.stringify({
    prefill,
    decode,
    bandwidth: Math.max(bandwidth, await measureBandwidth()),
    stepWeightBytes: memory.stepWeightBytes,
    weightsPerToken: await weightsPerToken(),
    loadMs,
    firstTokenMs,
    delayP99Ms: delay.percentile(99) / 1e6,
    cosine,
    backend: backend.name,
  }),
)
model.dispose()

/** Weights that each token of a prompt is multiplied with in a dense model; the output head is for the last one alone. */
async function weightsPerToken() {
  const file = await openGguf(modelPath)
  const layers = [...file.tensors].filter(([name, { shape }]) => name.startsWith('blk.') && shape.length === 2)
  await file.close()
  return layers.reduce((sum, [, { shape }]) => sum + shape[0] * shape[1], 0)
}

/** Reads 2 GiB: far more than any cache here holds of it. */
async function measureBandwidth() {
  const probe = nativeBackend({ threads, ...(target ? { target } : {}) })
  const bytesPerSecond = await probe.measureBandwidth(2 ** 31, 3)
  probe.dispose()
  return bytesPerSecond
}

/** Smallest cosine between `fast` and `exact` logits over a short and a long step. */
async function closeness() {
  const exact = await load(modelPath, { ...settings, precision: 'exact' })
  let worst = 1
  for (const tokens of [prompt.slice(0, 1), prompt.slice(0, 48)]) {
    const [x, y] = [await model.logits(tokens), await exact.logits(tokens)].map(t => t.data)
    const width = x.length / tokens.length
    for (let row = 0; row < tokens.length; row++)
      worst = Math.min(worst, cosineOf(x.subarray(row * width, (row + 1) * width), y.subarray(row * width, (row + 1) * width)))
  }
  exact.dispose()
  return worst
}

function cosineOf(x, y) {
  let [xy, xx, yy] = [0, 0, 0]
  for (let i = 0; i < x.length; i++) {
    xy += x[i] * y[i]
    xx += x[i] * x[i]
    yy += y[i] * y[i]
  }
  return xy / Math.sqrt(xx * yy)
}
