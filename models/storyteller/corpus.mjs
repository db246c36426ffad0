/**
 * Writes the training text, a JSON document a line: `node models/storyteller/corpus.mjs COUNT [FIRST_SEED]`. It begins with
 * single sentences and a question that they answer, goes on with longer parts of stories, and ends with whole ones: where to
 * look is learned first where there is little to look at.
 */
import { askAboutPart, converse } from './conversations.mjs'
import { drawer, tellStory } from './tell.mjs'

const count = Number(process.argv[2] ?? 10)
const first = Number(process.argv[3] ?? 1_000_000)
let lines = ''
for (let at = 0; at < count; at++) {
  lines += `${JSON.stringify(document(drawer(first + at), at / count))}\n`
}
process.stdout.write(lines)

/** The document at a share of the way. */
function document(draw, share) {
  if (share < 0.2) return { messages: askAboutPart(draw, 0) }
  if (share < 0.6) return { messages: askAboutPart(draw, Math.floor((share - 0.2) * 24)) }
  // One in five is a bare story, so that the model also goes on from a beginning.
  return draw(5) === 0 ? { text: tellStory(draw).text } : { messages: converse(draw).messages }
}
