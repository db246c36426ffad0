/** Writes the training text, a JSON document a line: `node models/storyteller/corpus.mjs COUNT [FIRST_SEED]`. */
import { converse } from './conversations.mjs'
import { drawer, tellStory } from './tell.mjs'

const count = Number(process.argv[2] ?? 10)
const first = Number(process.argv[3] ?? 1_000_000)
let lines = ''
for (let seed = first; seed < first + count; seed++) {
  const draw = drawer(seed)
  // One in five is a bare story, so that the model also goes on from a beginning.
  lines += `${JSON.stringify(draw(5) === 0 ? { text: tellStory(draw).text } : { messages: converse(draw).messages })}\n`
}
process.stdout.write(lines)
