/**
 * One measurement of Hence with many users: see users.mjs, which runs it.
 *
 *   node hence-users.mjs decode|shares MODEL.gguf THREADS [TARGET]     prints one JSON document
 */
import { nativeBackend } from '../dist/backends/index.js'
import { openGguf } from '../dist/formats/index.js'
import { load } from '../dist/index.js'
import { DEFAULT_SAMPLING, decoderFromGguf, Sampler, startEngine } from '../dist/llm/index.js'
import { promptOf, quantile } from './work.mjs'

const [part, modelPath, threadCount, target] = process.argv.slice(2)
const threads = Number(threadCount)
const settings = { threads, precision: 'fast', ...(target ? { target } : {}) }
const GENERATED = 64
const GREEDY = { temperature: 0, ignoreEos: true }

/** Loads the model for a piece of work. */
async function loaded(context, work) {
  const model = await load(modelPath, { ...settings, context })
  try {
    return await work(model)
  } finally {
    await model[Symbol.asyncDispose]()
  }
}

const parts = {
  decode: async () => ({ ...(await loaded(1_024, decoding)), bandwidth: await bandwidth() }),
  shares: async () => ({
    ...(await loaded(4_096, prefixes)),
    ...(await loaded(4_096, stalls)),
    ...(await scheduling()),
  }),
}
console.log(JSON.stringify(await parts[part]()))

/** Tokens per second of all together, by number of users; best of three. */
async function decoding(model) {
  const decode = {}
  for (const users of [1, 8]) {
    decode[users] = 0
    for (let round = 0; round < 3; round++) {
      const begun = performance.now()
      const all = Array.from({ length: users }, (_, user) =>
        model.generate([400 + user + 8 * round], { ...GREEDY, maxTokens: GENERATED }).done(),
      )
      await Promise.all(all)
      decode[users] = Math.max(decode[users], (GENERATED * users * 1_000) / (performance.now() - begun))
    }
  }
  const { memory, backend } = model.describe()
  return { decode, stepWeightBytes: memory.stepWeightBytes, backend: backend.name }
}

/** Time to the first token after 2,000 tokens nobody sent before, and after the same with other words at the end. */
async function prefixes(model) {
  const first = async prompt => (await model.generate(prompt, { ...GREEDY, maxTokens: 1 }).done()).timings.timeToFirstTokenMs
  const cold = []
  const hit = []
  for (let round = 0; round < 3; round++) {
    const prompt = promptOf(2_000, round)
    cold.push(await first([...prompt, 500]))
    hit.push(await first([...prompt, 501]))
  }
  return { coldMs: quantile(cold, 0.5), hitMs: quantile(hit, 0.5) }
}

/** What four streams wait for their tokens: alone, and while a prompt of 4,000 tokens is read. */
async function stalls(model) {
  const ended = new AbortController()
  const intervals = []
  const streams = Array.from({ length: 4 }, async (_, user) => {
    let last
    try {
      for await (const _ of model.generate([600 + user], { ...GREEDY, maxTokens: 3_000, signal: ended.signal })) {
        const now = performance.now()
        if (last !== undefined) intervals.push(now - last)
        last = now
      }
    } catch (error) {
      if (error.code !== 'ABORTED') throw error
    }
  })
  const during = async work => {
    intervals.length = 0
    await work
    return { p50: quantile(intervals, 0.5), p99: quantile(intervals, 0.99), count: intervals.length }
  }
  await new Promise(resolve => setTimeout(resolve, 1_000))
  const alone = await during(new Promise(resolve => setTimeout(resolve, 8_000)))
  const arrived = performance.now()
  const beside = await during(model.generate(promptOf(4_000, 7), { ...GREEDY, maxTokens: 1 }).done())
  const promptMs = performance.now() - arrived
  ended.abort()
  await Promise.all(streams)
  return { alone, beside, promptMs }
}

/** The part of a step of 64 sequences that is not spent in the backend, by how tokens are drawn. */
async function scheduling() {
  const draws = { greedy: { temperature: 0 }, usual: {}, 'top-p alone': { temperature: 1, topK: 0, topP: 0.95, minP: 0 } }
  const file = await openGguf(modelPath)
  const { engine, backend } = await startEngine(await decoderFromGguf(file, modelPath), { ...settings, context: 512 })
  const shares = {}
  for (const [name, sampling] of Object.entries(draws)) {
    const begun = performance.now()
    const computed = new Map()
    await Promise.all(Array.from({ length: 64 }, (_, user) => engine.run([700 + user], writer(engine, user, sampling, computed))))
    const totalMs = performance.now() - begun
    const computeMs = [...computed.values()].reduce((sum, ms) => sum + ms, 0)
    shares[name] = { stepMs: totalMs / computed.size, otherMs: (totalMs - computeMs) / computed.size }
  }
  await engine.dispose()
  backend.dispose()
  await file.close()
  return { scheduling: shares }
}

/** Draws 24 tokens; `computed` gets what each step took in the backend. */
function writer(engine, seed, sampling, computed) {
  const sampler = new Sampler({ sampling: { ...DEFAULT_SAMPLING, ...sampling }, seed, prompt: [] })
  let count = 0
  return {
    onLogits(row, _position, _count, likeliest) {
      computed.set(count, engine.decoder.lastComputeMs)
      const token = sampler.next(row, likeliest)
      return ++count < 24 ? token : undefined
    },
  }
}

async function bandwidth() {
  const probe = nativeBackend({ threads, ...(target ? { target } : {}) })
  const bytesPerSecond = await probe.measureBandwidth(2 ** 31, 3)
  probe.dispose()
  return bytesPerSecond
}
