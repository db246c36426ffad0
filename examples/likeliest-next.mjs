// Shows what a model expects next, with probabilities: the raw logits, without any sampling.
//   node examples/likeliest-next.mjs MODEL [TEXT]
import { load } from 'hence'

const [source, text = 'Once upon a'] = process.argv.slice(2)
if (!source) {
  console.error('usage: node examples/likeliest-next.mjs MODEL [TEXT]')
  process.exit(2)
}

const model = await load(source)
const tokens = model.tokenize(text)
const { data, shape } = await model.logits(tokens)
const [count, vocabulary] = shape

// Probabilities after the last token.
const last = data.subarray((count - 1) * vocabulary)
const largest = last.reduce((a, b) => Math.max(a, b))
const weights = last.map(logit => Math.exp(logit - largest))
const total = weights.reduce((a, b) => a + b)
const best = [...weights.keys()].sort((a, b) => weights[b] - weights[a]).slice(0, 5)

console.log(`${JSON.stringify(text)} is ${count} tokens. Next:`)
for (const id of best) console.log(`${((100 * weights[id]) / total).toFixed(1).padStart(5)} %  ${JSON.stringify(model.detokenize([id]))}`)
model.dispose()
