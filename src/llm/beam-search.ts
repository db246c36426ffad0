import { likeliest } from './candidates.ts'
import type { LogitsRule } from './logits-rules.ts'
import type { SequenceHandler, SequenceOptions } from './sequence.ts'

/** How a beam search looks for the likeliest texts. */
export interface BeamOptions {
  /** Texts that are followed at once. */
  readonly beams: number
  /** Log-probabilities are divided by length to this power; above 0 favours longer texts. */
  readonly lengthPenalty: number
  /**
   * When to stop once as many texts as beams have ended: `true` at once; `false` when the best that goes on would not make it
   * at its present length; `never` when it could not make it at any length.
   */
  readonly earlyStopping: boolean | 'never'
  /** Tokens a text has at most, the end among them. */
  readonly maxTokens: number
  readonly endTokens: ReadonlySet<number>
  readonly rules: readonly LogitsRule[]
}

/** The text that goes on, by its place among those of the last step, and its next token. */
export interface Continuation {
  readonly from: number
  readonly token: number
}

/** A text that ended. */
export interface BeamResult {
  /** Without what was there before the search, with the token that ended it. */
  readonly tokens: readonly number[]
  /** Sum of log-probabilities / length ^ penalty. */
  readonly score: number
}

interface Beam {
  readonly tokens: readonly number[]
  /** Sum of log-probabilities. */
  readonly sum: number
}

interface Candidate extends Continuation {
  readonly sum: number
}

/**
 * Follows the likeliest texts side by side. Of twice as many candidates as beams those that do not end go on, so that ended
 * texts never thin the beams out. Source: the definition of transformers' `generate`, whose scores and order it gives.
 */
export class BeamSearch {
  readonly #options: BeamOptions
  readonly #prefix: readonly number[]
  #running: readonly Beam[] = [{ tokens: [], sum: 0 }]
  /** The best that ended, best first; never more than beams. */
  #ended: readonly BeamResult[] = []

  /** @param prefix - tokens before the first that is searched for */
  constructor(prefix: readonly number[], options: BeamOptions) {
    this.#prefix = prefix
    this.#options = options
  }

  /** Texts that ended so far, best first. */
  get results(): readonly BeamResult[] {
    return this.#ended
  }

  /**
   * Takes the logits of the texts that go on, `[count, vocabulary]` in the order of the last step's answer; one text at first.
   *
   * @returns the texts of the next step; undefined when the search is over
   */
  step(logits: Float32Array, count: number): readonly Continuation[] | undefined {
    const { beams, endTokens, maxTokens } = this.#options
    const candidates = this.#candidates(logits, count)
    const length = this.#running[0]!.tokens.length + 1
    const isEnd = ({ token }: Candidate): boolean => endTokens.has(token) || length >= maxTokens
    this.#end(candidates.slice(0, beams).filter(isEnd), length)
    const next = candidates.filter(candidate => !isEnd(candidate)).slice(0, beams)
    this.#running = next.map(({ from, token, sum }) => ({ tokens: [...this.#running[from]!.tokens, token], sum }))
    return next.length > 0 && this.#canImprove(length) ? next : undefined
  }

  #candidates(logits: Float32Array, count: number): Candidate[] {
    const { beams, endTokens, rules } = this.#options
    const wanted = Math.max(2, 1 + endTokens.size) * beams
    const vocabulary = logits.length / count
    const candidates: Candidate[] = []
    for (let from = 0; from < count; from++) {
      const { tokens, sum } = this.#running[from]!
      const scores = logProbabilities(logits.subarray(from * vocabulary, (from + 1) * vocabulary))
      if (rules.length > 0) {
        const known = [...this.#prefix, ...tokens]
        for (const rule of rules) rule(scores, known)
      }
      for (const token of likeliest(scores, wanted))
        if (scores[token]! > -Infinity) candidates.push({ from, token, sum: sum + scores[token]! })
    }
    return candidates.sort((a, b) => b.sum - a.sum).slice(0, wanted)
  }

  #end(candidates: readonly Candidate[], length: number): void {
    const { beams, lengthPenalty } = this.#options
    const ended = candidates.map(({ from, token, sum }) => ({
      tokens: [...this.#running[from]!.tokens, token],
      score: sum / length ** lengthPenalty,
    }))
    this.#ended = [...this.#ended, ...ended].sort((a, b) => b.score - a.score).slice(0, beams)
  }

  /** True while a text that goes on may yet be among the best. */
  #canImprove(length: number): boolean {
    const { beams, lengthPenalty, earlyStopping, maxTokens } = this.#options
    if (this.#ended.length < beams) return true
    if (earlyStopping === true) return false
    const most = earlyStopping === 'never' && lengthPenalty > 0 ? maxTokens : length
    return this.#running[0]!.sum / most ** lengthPenalty > this.#ended.at(-1)!.score
  }
}

/** What computes the logits after sequences, several at once. */
export interface SequenceReader {
  /** Works on a sequence until its handler gives no further token. */
  run(tokens: readonly number[], handler: SequenceHandler, options?: SequenceOptions): Promise<void>
}

/**
 * The texts a beam search over a decoder finds, best first. Every step reads all texts side by side, each as a sequence of its own:
 * what they share with texts read before is computed again only as far as the engine does not keep it.
 *
 * @param prompt - tokens before the first that is searched for; with `maxTokens` − 1 more they fit into the context
 * @throws HenceError what `run` throws
 */
export async function searchDecoder(
  reader: SequenceReader,
  prompt: readonly number[],
  options: BeamOptions,
  sequence: SequenceOptions = {},
): Promise<readonly BeamResult[]> {
  const search = new BeamSearch(prompt, options)
  const controller = new AbortController()
  const signal = sequence.signal ? AbortSignal.any([sequence.signal, controller.signal]) : controller.signal
  let texts: readonly (readonly number[])[] = [[]]
  try {
    for (;;) {
      const rows = await Promise.all(texts.map(text => lastRow(reader, [...prompt, ...text], { ...sequence, signal })))
      const vocabulary = rows[0]!.length
      const logits = new Float32Array(rows.length * vocabulary)
      for (const [i, row] of rows.entries()) logits.set(row, i * vocabulary)
      const next = search.step(logits, rows.length)
      if (!next) return search.results
      texts = next.map(({ from, token }) => [...texts[from]!, token])
    }
  } catch (error) {
    controller.abort()
    throw error
  }
}

/** The logits after the last of `tokens`. */
async function lastRow(reader: SequenceReader, tokens: readonly number[], options: SequenceOptions): Promise<Float32Array> {
  let row = new Float32Array(0)
  const onLogits = (logits: Float32Array, _position: number, count: number): undefined => {
    row = logits.slice(logits.length - logits.length / count)
    return undefined
  }
  await reader.run(tokens, { onLogits }, options)
  return row
}

function logProbabilities(logits: Float32Array): Float32Array {
  let largest = -Infinity
  for (const logit of logits) if (logit > largest) largest = logit
  let total = 0
  for (const logit of logits) total += Math.exp(logit - largest)
  const normaliser = largest + Math.log(total)
  return logits.map(logit => logit - normaliser)
}
