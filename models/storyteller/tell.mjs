/** Tells stories: draws what a story is about, then fills one sentence of every beat. The same seed tells the same story. */
import { ANIMAL_NAMES, ANIMALS, CHILDREN, WORDS } from './lexicon.mjs'
import { STORIES } from './stories.mjs'

/** Whole numbers below a bound, the same ones for the same seed. Source: Steele et al. 2014 (SplitMix), 32 bits. */
export function drawer(seed) {
  let state = seed >>> 0
  return bound => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return ((z ^ (z >>> 15)) >>> 0) % bound
  }
}

export function pick(draw, list) {
  return list[draw(list.length)]
}

/** The words of every slot; `wish` fixes some of them. */
function cast(draw, wish) {
  const child = wish.child ?? pick(draw, CHILDREN)
  const friend = pick(draw, ANIMAL_NAMES)
  const others = CHILDREN.filter(({ name }) => name !== child.name)
  const words = Object.fromEntries(Object.entries(WORDS).map(([slot, list]) => [slot, wish[slot] ?? pick(draw, list)]))
  return {
    ...words,
    animal: wish.animal ?? pick(draw, ANIMALS),
    hero: child.name,
    kind: child.kind,
    ...child.pronouns,
    friend: friend.name,
    he2: friend.pronouns.he,
    other: pick(draw, others).name,
  }
}

/** `{slot}` by its word, `{Slot}` by its word with a capital; `a` becomes `an` where the word asks for it. */
export function fill(template, slots) {
  const filled = template.replace(/\{(\w+)\}/g, (_, slot) => {
    const word = slots[slot] ?? slots[slot.toLowerCase()]
    return slot in slots ? word : word[0].toUpperCase() + word.slice(1)
  })
  return filled.replace(/\b([Aa]) (?=[aeiou])/g, '$1n ')
}

/**
 * A story and the questions it answers.
 *
 * @param draw - from {@link drawer}
 * @param wish - slots that are given: `child`, `animal`, `thing`, `place` …
 * @returns `{ sentences, text, questions: [{ question, answer, words }], slots }`, `words` being what the answer takes from the story
 */
export function tellStory(draw, wish = {}) {
  const slots = cast(draw, wish)
  const plot = pick(draw, wish.thing ? STORIES.filter(({ name }) => name !== 'building') : STORIES)
  const sentences = plot.beats.map(beat => fill(pick(draw, beat), slots))
  const questions = plot.questions.map(({ question, answer }) => {
    const i = draw(question.length)
    const words = [...answer[i].matchAll(/\{(\w+)\}/g)].map(([, slot]) => slots[slot]).filter(word => word !== undefined)
    return { question: fill(question[i], slots), answer: fill(answer[i], slots), words }
  })
  return { sentences, text: sentences.join(' '), questions, slots }
}
