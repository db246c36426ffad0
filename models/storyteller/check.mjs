/**
 * Holds the storyteller to its own grammar and facts: `node models/storyteller/check.mjs [SEEDS]`. Stories of as many seeds
 * at temperature 0.8, and every question about as many stories that it has not seen. Needs dist/.
 */
import { fileURLToPath } from 'node:url'
import { load } from '../../dist/index.js'
import { isGrammatical, sentencesOf } from './grammar.mjs'
import { ANIMAL_NAMES, CHILDREN } from './lexicon.mjs'
import { drawer, tellStory } from './tell.mjs'

const seeds = Number(process.argv[2] ?? 50)
const names = [...CHILDREN, ...ANIMAL_NAMES].map(({ name }) => name)
const model = await load(fileURLToPath(new URL('storyteller.gguf', import.meta.url)))

let sentences = 0
let grammatical = 0
let consistent = 0
for (let seed = 0; seed < seeds; seed++) {
  const { text } = await model.chat([{ role: 'user', content: 'Tell me a story.' }], { temperature: 0.8, seed, maxTokens: 400 }).done()
  const told = sentencesOf(text)
  sentences += told.length
  grammatical += told.filter(isGrammatical).length
  // A child, a friend, and one other child at most.
  consistent += Number(names.filter(name => new RegExp(`\\b${name}\\b`).test(text)).length <= 3)
}

let asked = 0
let right = 0
const wrong = []
for (let seed = 0; seed < seeds; seed++) {
  const story = tellStory(drawer(seed))
  for (const { question, answer } of story.questions) {
    const content = `${story.text}\n\n${question}`
    const { text } = await model.chat([{ role: 'user', content }], { temperature: 0, maxTokens: 40 }).done()
    asked++
    if (text.trim() === answer) right++
    else wrong.push(`${question} ${text.trim()} (${answer})`)
  }
}
await model[Symbol.asyncDispose]()

const share = (part, whole) => `${part} of ${whole}, ${((100 * part) / whole).toFixed(1)} %`
console.log(`sentences that the grammar can write: ${share(grammatical, sentences)} (at least 95 %)
stories with one cast throughout:     ${share(consistent, seeds)}
held-out questions answered right:    ${share(right, asked)} (at least 90 %)`)
for (const line of wrong.slice(0, 5)) console.log(`  wrong: ${line}`)
process.exitCode = grammatical / sentences >= 0.95 && right / asked >= 0.9 ? 0 : 1
