/**
 * One measurement of llama.cpp through node-llama-cpp: prompt and generation speed of one sequence, best of three.
 *
 *   node peer-llama.mjs MODEL.gguf THREADS PROMPT_TOKENS GENERATED_TOKENS     prints one JSON document
 */
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'

const [modelPath, ...numbers] = process.argv.slice(2)
const [threads, promptTokens, generatedTokens] = numbers.map(Number)
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: threads })
const model = await llama.loadModel({ modelPath })
const context = await model.createContext({ contextSize: 1024, threads, batchSize: 512 })
const sequence = context.getSequence()
const prompt = Array.from({ length: promptTokens }, (_, i) => 300 + ((i * 37) % 30_000))
let prefill = 0
let decode = 0
for (let round = 0; round < 3; round++) {
  await sequence.clearHistory()
  let start = performance.now()
  await sequence.evaluateWithoutGeneratingNewTokens(prompt)
  prefill = Math.max(prefill, (promptTokens / (performance.now() - start)) * 1000)
  await sequence.clearHistory()
  let count = 0
  for await (const _ of sequence.evaluate([400 + round], { temperature: 0, yieldEogToken: true })) {
    // The first token belongs to the prompt; the rate is that of the ones after it.
    if (count++ === 0) start = performance.now()
    if (count > generatedTokens) break
  }
  decode = Math.max(decode, (generatedTokens / (performance.now() - start)) * 1000)
}
console.log(JSON.stringify({ prefill, decode }))
process.exit(0)
