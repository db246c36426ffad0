import { Rng } from '../../core/index.ts'
import type { LoadRequest } from './load-target.ts'

/** Gives the requests of a load test, each by its number, always the same for the same seed. */
export type RequestSource = (index: number) => LoadRequest

/** How long random prompts and answers are. */
export interface RandomLengths {
  readonly inputTokens: number
  readonly outputTokens: number
  /** Lengths are drawn evenly from `n · (1 − ratio)` to `n · (1 + ratio)`; from 0 to below 1. */
  readonly rangeRatio: number
  /** Tokens at the beginning that all prompts share, as a part of their length. */
  readonly prefixTokens: number
}

/** Makes a prompt of some tokens out of random numbers; `shared` is the same for all prompts and stands first. */
export type PromptMaker = (length: { readonly shared: number; readonly own: number }, shared: Rng, own: Rng) => LoadRequest['prompt']

/** Requests with random prompts. */
export function randomRequests(lengths: RandomLengths, seed: number, ignoreEos: boolean, make: PromptMaker): RequestSource {
  const { inputTokens, outputTokens, rangeRatio, prefixTokens } = lengths
  const draw = (tokens: number, rng: Rng): number => {
    const least = Math.max(1, Math.floor(tokens * (1 - rangeRatio)))
    return least + rng.below(Math.max(1, Math.ceil(tokens * (1 + rangeRatio)) - least + 1))
  }
  return index => {
    const rng = new Rng(seed + Math.imul(index + 1, 0x85ebca6b))
    const promptTokens = rangeRatio === 0 ? inputTokens : draw(inputTokens, rng)
    const maxTokens = rangeRatio === 0 ? outputTokens : draw(outputTokens, rng)
    const shared = Math.min(prefixTokens, promptTokens)
    return { prompt: make({ shared, own: promptTokens - shared }, new Rng(seed), rng), promptTokens, maxTokens, ignoreEos }
  }
}

/** Prompts of token ids from `[0, vocabulary)`, none of them one that `isSpecial`. */
export function tokenPrompts(vocabulary: number, isSpecial: (token: number) => boolean): PromptMaker {
  const known = new Map<number, boolean>()
  const draw = (rng: Rng): number => {
    for (let i = 0; i < 64; i++) {
      const token = rng.below(vocabulary)
      const isOne = known.get(token) ?? isSpecial(token)
      known.set(token, isOne)
      if (!isOne) return token
    }
    return rng.below(vocabulary)
  }
  return ({ shared, own }, sharedRng, ownRng) => [
    ...Array.from({ length: shared }, () => draw(sharedRng)),
    ...Array.from({ length: own }, () => draw(ownRng)),
  ]
}

/** How many tokens a server makes of words: `fixed + perWord · words`. */
export interface WordCost {
  readonly fixed: number
  readonly perWord: number
}

/** Prompts of words, as many as come to the tokens asked for by a server's own count. */
export function wordPrompts({ fixed, perWord }: WordCost): PromptMaker {
  return ({ shared, own }, sharedRng, ownRng) => {
    const words = (tokens: number): number => Math.max(0, Math.round(tokens / perWord))
    const total = Math.max(1, words(shared + own - fixed))
    const first = Math.min(total, words(shared))
    return [randomWords(first, sharedRng), randomWords(total - first, ownRng)].filter(text => text !== '').join(' ')
  }
}

/** Words in no order that means anything. */
export function randomWords(count: number, rng: Rng): string {
  return Array.from({ length: count }, () => WORDS[rng.below(WORDS.length)]!).join(' ')
}

/** Short words that most tokenizers have as a token each. */
const WORDS: readonly string[] = `the of and to in is was for on that with as by at from it an be this which or are not have one
all new more time may into some first other two only over work after use most made people also years between many world now
where these state made life such part city under before same while against off found still own long night down since day
house last must three year well because high place right old around another small large often great every next side land
water home school book line form point case group force kind power mean open room show play light result learn free
north south east west early late family public level order space field paper heart river table music sound story`.split(/\s+/)
