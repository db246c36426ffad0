/** Conversations with the storyteller: stories on demand, questions about them, and what is said when it knows nothing. */
import { ANIMALS, CHILDREN, WORDS } from './lexicon.mjs'
import { fill, pick, tellStory } from './tell.mjs'

const WISHES = [
  {
    forms: [
      'Tell me a story.',
      'Tell me a story, please.',
      'I would like to hear a story.',
      'Can you tell me a story?',
      'Another story, please!',
    ],
  },
  {
    slots: ['child'],
    forms: ['Tell me a story about {name}.', 'Please tell a story about a {kind} named {name}.', 'I want a story about {name}.'],
  },
  { slots: ['child', 'animal'], forms: ['Tell me a story about {name} and a {animal}.', 'A story with {name} and a {animal}, please.'] },
  { slots: ['animal'], forms: ['Tell me a story about a {animal}.', 'Do you know a story with a {animal}?'] },
  { slots: ['thing'], forms: ['Tell me a story about a {thing}.', 'Do you know a story with a {thing}?'] },
  { slots: ['place'], forms: ['Tell me a story that happens at the {place}.', 'I want a story about the {place}.'] },
]

const SMALL_TALK = [
  [
    ['Hello!', 'Hi!', 'Hello, who are you?', 'Who are you?', 'What is your name?', 'Good morning!', 'hi', 'hello'],
    'Hello! I am the storyteller, a very small model. I can tell little stories and answer questions about them.',
  ],
  [
    ['What can you do?', 'Help!', 'What do you know?', 'How does this work?', 'help'],
    'I can tell little stories. Ask me for a story about a child, an animal or a thing, and then ask me about it.',
  ],
  [
    ['Thank you!', 'Thanks!', 'That was nice.', 'I liked that story.', 'Great story!', 'thanks'],
    'I am glad you liked it. Shall I tell you another story?',
  ],
  [['Goodbye!', 'Bye!', 'Good night!', 'See you!', 'bye'], 'Goodbye! Come back for another story.'],
  [
    [
      'What is the capital of France?',
      'What is two plus two?',
      'Write a poem.',
      'How do I cook rice?',
      'Who was the first king?',
      'Translate this into German.',
      'Write some code.',
      'What time is it?',
      'Explain physics to me.',
      'What is the meaning of life?',
      'How far is the moon?',
      'Tell me a joke.',
      'What is in the news?',
      'How old are you?',
      'Can you sing?',
      'Solve this equation.',
      'Who wrote this book?',
      'What is your favourite movie?',
      'Summarise this text.',
      'Is it going to rain tomorrow?',
    ],
    'I do not know that. I am very small and only know little stories. Shall I tell you one?',
  ],
]

/** One conversation as messages `{ role, content }`; `story` is what its questions are about. */
export function converse(draw) {
  const kind = draw(10)
  if (kind === 0) return { messages: smallTalk(draw) }
  if (kind < 5) return askAboutGiven(draw)
  return askForStory(draw)
}

function smallTalk(draw) {
  const messages = []
  for (let turns = 1 + draw(2); turns > 0; turns--) {
    const [questions, answer] = pick(draw, SMALL_TALK)
    messages.push({ role: 'user', content: pick(draw, questions) }, { role: 'assistant', content: answer })
  }
  return messages
}

function askForStory(draw) {
  const { slots = [], forms } = pick(draw, WISHES)
  const wish = {}
  if (slots.includes('child')) wish.child = pick(draw, CHILDREN)
  if (slots.includes('animal')) wish.animal = pick(draw, ANIMALS)
  for (const slot of ['thing', 'place']) if (slots.includes(slot)) wish[slot] = pick(draw, WORDS[slot])
  const story = tellStory(draw, wish)
  const words = { ...wish, name: wish.child?.name, kind: wish.child?.kind }
  const ask = fill(pick(draw, forms), words)
  const messages = [
    { role: 'user', content: ask },
    { role: 'assistant', content: story.text },
  ]
  return { story, messages: [...messages, ...questions(draw, story, draw(6))] }
}

/** The first question comes with the story it is about. */
function askAboutGiven(draw) {
  const story = tellStory(draw)
  const messages = questions(draw, story, 2 + draw(8))
  messages[0] = { role: 'user', content: `${story.text}\n\n${messages[0].content}` }
  return { story, messages }
}

/** As few sentences of a story as answer one of its questions, after up to `more` sentences that do not. */
export function askAboutPart(draw, more) {
  const { sentences, questions: all } = tellStory(draw)
  const { question, answer, words } = pick(draw, all)
  const end = sentences.findIndex((_, i) => words.every(word => sentences.slice(0, i + 1).some(sentence => sentence.includes(word))))
  const last = words.length === 0 ? 0 : sentences.findIndex(sentence => sentence.includes(words.at(-1)))
  const first = Math.max(0, Math.min(end, last) - draw(more + 1))
  const story = sentences.slice(first, end + 1).join(' ')
  return [
    { role: 'user', content: `${story}\n\n${question}` },
    { role: 'assistant', content: answer },
  ]
}

function questions(draw, { questions: all }, count) {
  const left = [...all]
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(draw(left.length), 1)[0]).flatMap(
    ({ question, answer }) => [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ],
  )
}
