/**
 * One measurement of llama.cpp through node-llama-cpp with many users: see users.mjs, which runs it.
 *
 *   node peer-users.mjs MODEL.gguf THREADS     prints one JSON document
 */
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'

const [modelPath, threadCount] = process.argv.slice(2)
const threads = Number(threadCount)
const GENERATED = 64
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: threads })
const model = await llama.loadModel({ modelPath })
const decode = {}
for (const users of [1, 8]) {
  const context = await model.createContext({ contextSize: 1024, threads, batchSize: 512, sequences: users })
  const sequences = Array.from({ length: users }, () => context.getSequence())
  decode[users] = 0
  for (let round = 0; round < 3; round++) {
    for (const sequence of sequences) await sequence.clearHistory()
    const begun = performance.now()
    await Promise.all(
      sequences.map(async (sequence, user) => {
        let count = 0
        for await (const _ of sequence.evaluate([400 + user + 8 * round], { temperature: 0, yieldEogToken: true }))
          if (++count >= GENERATED) break
      }),
    )
    decode[users] = Math.max(decode[users], (GENERATED * users * 1_000) / (performance.now() - begun))
  }
  await context.dispose()
}
console.log(JSON.stringify({ decode }))
process.exit(0)
