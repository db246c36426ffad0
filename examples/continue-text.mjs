// Continues a text and shows it as it is made. Ctrl-C stops the answer and keeps what there is.
//   node examples/continue-text.mjs MODEL [PROMPT]
import { load } from 'hence'

const [source, prompt = 'Once upon a time'] = process.argv.slice(2)
if (!source) {
  console.error('usage: node examples/continue-text.mjs MODEL [PROMPT]')
  process.exit(2)
}

const interrupt = new AbortController()
process.once('SIGINT', () => interrupt.abort())

const model = await load(source)
const generation = model.generate(prompt, { maxTokens: 100, seed: 1, signal: interrupt.signal })

process.stdout.write(prompt)
for await (const { text } of generation) process.stdout.write(text)

const { finishReason, usage, timings } = await generation.done()
console.log(`\n[${usage.completionTokens} tokens, ${timings.completionTokensPerSecond.toFixed(1)} per second, finished: ${finishReason}]`)
model.dispose()
