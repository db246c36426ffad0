// Continues several texts at the same time. They share every step of the engine, so together they take less time than
// one after the other.
//   node examples/many-at-once.mjs MODEL
import { load } from 'hence'

const [source] = process.argv.slice(2)
if (!source) {
  console.error('usage: node examples/many-at-once.mjs MODEL')
  process.exit(2)
}

const prompts = ['The sun', 'A little dog', 'In the deep forest', 'Mum said']
const options = { maxTokens: 40, temperature: 0 }

const model = await load(source)
const results = await Promise.all(prompts.map(prompt => model.generate(prompt, options).done()))
for (const [i, { text }] of results.entries()) console.log(`${prompts[i]}${text}\n`)
model.dispose()
