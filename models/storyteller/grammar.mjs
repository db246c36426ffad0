/** Whether a sentence is one that the grammar of the stories can write, whatever it is about. */
import { ANIMAL_NAMES, CHILDREN, HE, SHE, WORDS } from './lexicon.mjs'
import { STORIES } from './stories.mjs'

const names = CHILDREN.map(({ name }) => name)
const SLOTS = {
  ...WORDS,
  hero: names,
  other: names,
  friend: ANIMAL_NAMES.map(({ name }) => name),
  kind: ['girl', 'boy'],
  he: [HE.he, SHE.he],
  he2: [HE.he, SHE.he],
  him: [HE.him, SHE.him],
  his: [HE.his, SHE.his],
}

const patterns = STORIES.flatMap(({ beats }) => beats.flat()).map(
  template =>
    new RegExp(
      `^${withoutAn(template)
        .replace(/[.*+?^$()|[\]\\]/g, '\\$&')
        .replace(/\{(\w+)\}/g, (_, slot) => words(slot))}$`,
    ),
)

/** The alternatives of a slot; what appears twice in a sentence must be the same word both times. */
function words(slot) {
  const list = SLOTS[slot] ?? SLOTS[slot.toLowerCase()].map(word => word[0].toUpperCase() + word.slice(1))
  return `(?:${list.join('|')})`
}

export function isGrammatical(sentence) {
  if (/\ba [aeiou]/i.test(sentence)) return false
  return patterns.some(pattern => pattern.test(withoutAn(sentence)))
}

/** What the templates say, in which it is `a` before every slot. */
function withoutAn(text) {
  return text.replace(/\b([Aa])n (?=[aeiou])/g, '$1 ')
}

/** A story's sentences: one ends where a full stop, question or exclamation mark, and a capital letter or quotation mark follow. */
export function sentencesOf(text) {
  return text.trim().split(/(?<=[.!?]"?)\s+(?=[A-Z"])/)
}
