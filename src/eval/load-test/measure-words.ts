import { Rng } from '../../core/index.ts'
import type { LoadTarget } from './load-target.ts'
import { isPassing } from './passing-failure.ts'
import { randomWords, type WordCost } from './prompts.ts'

const FEW_WORDS = 8
/** At least and at most so many words in the longer prompt, */
const MANY_WORDS = { min: 24, max: 144 }
/** and no more than likely come to the tokens that prompts will have. */
const TOKENS_OF_ANY_WORD = 6

/**
 * Finds out what words cost a server in tokens, by asking it about a short and a long prompt.
 *
 * @param inputTokens - what prompts are meant to have
 * @returns undefined where the server does not tell how many tokens a prompt had, or is busy
 * @throws HenceError what the target refuses any request like these for; `ABORTED`
 */
export async function measureWords(
  target: LoadTarget,
  inputTokens: number,
  seed: number,
  signal: AbortSignal,
): Promise<WordCost | undefined> {
  const rng = new Rng(seed)
  const tokensOf = async (words: number): Promise<number | undefined> => {
    const request = { prompt: randomWords(words, rng), maxTokens: 1, ignoreEos: false }
    try {
      return (await target.send(request, () => {}, signal)).promptTokens
    } catch (error) {
      if (isPassing(error)) return undefined
      throw error
    }
  }
  const most = Math.min(MANY_WORDS.max, Math.max(MANY_WORDS.min, Math.floor(inputTokens / TOKENS_OF_ANY_WORD)))
  const few = await tokensOf(FEW_WORDS)
  const many = few === undefined ? undefined : await tokensOf(most)
  if (few === undefined || many === undefined || many <= few) return undefined
  const perWord = (many - few) / (most - FEW_WORDS)
  return { perWord, fixed: Math.max(0, few - perWord * FEW_WORDS) }
}
