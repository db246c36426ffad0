// Finds the lines of a file that mean the same as a question: vectors and their cosines.
//   node examples/nearest-texts.mjs MODEL FILE QUESTION
import { readFileSync } from 'node:fs'
import { embedText, load } from 'hence'

const [source, file, ...words] = process.argv.slice(2)
if (words.length === 0) {
  console.error('usage: node examples/nearest-texts.mjs MODEL FILE QUESTION')
  process.exit(2)
}

const texts = readFileSync(file, 'utf8').split('\n').filter(Boolean)
const model = await load(source, { kind: 'tensor' })
const cut = []
const documents = await embedText(model, texts, { onTruncation: ({ index }) => cut.push(index + 1) })
const question = await embedText(model, words.join(' '))
if (cut.length > 0) console.error(`the ends of lines ${cut.join(', ')} were left out: longer than the model takes`)

// Rows have length one, so that their products are cosines.
const [count, width] = documents.shape
const cosines = Array.from({ length: count }, (_, i) =>
  question.data.reduce((sum, value, d) => sum + value * documents.data[i * width + d], 0),
)
const nearest = [...cosines.keys()].sort((a, b) => cosines[b] - cosines[a]).slice(0, 5)
for (const i of nearest) console.log(`${cosines[i].toFixed(3).padStart(6)}  ${texts[i]}`)
model.dispose()
