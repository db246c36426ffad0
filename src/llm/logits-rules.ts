/**
 * Changes the scores of a next token, `[vocabulary]`, before one is chosen; what must not come gets −∞.
 *
 * @param tokens - all that was written so far, what the decoder was given to begin with among it
 */
export type LogitsRule = (scores: Float32Array, tokens: readonly number[]) => void

/** No run of `size` tokens comes twice. */
export function noRepeatedRuns(size: number): LogitsRule {
  return (scores, tokens) => {
    const start = tokens.length - size + 1
    if (start < 0) return
    for (let at = 0; at + size <= tokens.length; at++) {
      let same = 0
      while (same < size - 1 && tokens[at + same] === tokens[start + same]) same++
      if (same === size - 1) scores[tokens[at + size - 1]!] = -Infinity
    }
  }
}

/** None of these runs of tokens is written, not even with tokens of the prompt. */
export function noWords(words: readonly (readonly number[])[]): LogitsRule {
  const single = words.flatMap(word => (word.length === 1 ? word : []))
  // By the token before the last, so that thousands cost no more than those that may be complete now.
  const longer = new Map<number, (readonly number[])[]>()
  for (const word of words) {
    if (word.length < 2) continue
    const before = word.at(-2)!
    const known = longer.get(before)
    if (known) known.push(word)
    else longer.set(before, [word])
  }
  return (scores, tokens) => {
    for (const token of single) scores[token] = -Infinity
    for (const word of longer.get(tokens.at(-1)!) ?? []) if (isWritten(word, tokens)) scores[word.at(-1)!] = -Infinity
  }
}

/** True when `tokens` end with all of a run but its last. */
function isWritten(run: readonly number[], tokens: readonly number[]): boolean {
  const begin = tokens.length - run.length + 1
  if (begin < 0) return false
  for (let i = 0; i < run.length - 1; i++) if (tokens[begin + i] !== run[i]) return false
  return true
}

/** Nothing but these tokens. */
export function onlyTokens(allowed: Iterable<number>): LogitsRule {
  const ids = Uint32Array.from(new Set(allowed))
  const kept = new Float32Array(ids.length)
  return scores => {
    for (let i = 0; i < ids.length; i++) kept[i] = scores[ids[i]!]!
    scores.fill(-Infinity)
    for (let i = 0; i < ids.length; i++) scores[ids[i]!] = kept[i]!
  }
}

/** None of these tokens, or, with `length`, none where so many tokens are written. */
export function noTokens(suppressed: Iterable<number>, length?: number): LogitsRule {
  const ids = [...suppressed]
  return (scores, tokens) => {
    if (length === undefined || tokens.length === length) for (const id of ids) scores[id] = -Infinity
  }
}

/** No end before `length` tokens are written. */
export function noEndBefore(length: number, endTokens: Iterable<number>): LogitsRule {
  const ids = [...endTokens]
  return (scores, tokens) => {
    if (tokens.length < length) for (const id of ids) scores[id] = -Infinity
  }
}

/** Nothing but `token` where `length` tokens are written. */
export function forcedToken(length: number, token: number): LogitsRule {
  return (scores, tokens) => {
    if (tokens.length !== length) return
    scores.fill(-Infinity)
    scores[token] = 0
  }
}

/** Divides positive and multiplies negative scores of tokens that were written. */
export function repetitionPenalty(penalty: number): LogitsRule {
  return (scores, tokens) => {
    for (const token of new Set(tokens)) scores[token] = scores[token]! > 0 ? scores[token]! / penalty : scores[token]! * penalty
  }
}

/** Where Whisper's tokens of time stand. */
export interface TimestampTokens {
  /** The token of 0.00 s; all from here on are times, 0.02 s apart. */
  readonly first: number
  /** The token that says there are no times. */
  readonly none: number
  /** Tokens below are text. */
  readonly end: number
  /** Tokens written before the first of the answer. */
  readonly begin: number
  /** Latest time, in steps, with which an answer may begin; any when undefined. */
  readonly mostInitial: number | undefined
}

/**
 * Times come in pairs around pieces of text, never go back, begin every answer, and come when they are together likelier than
 * any text. Source: Radford et al. 2022, and the reference implementation for details.
 */
export function timestampRule({ first, none, end, begin, mostInitial }: TimestampTokens): LogitsRule {
  return (scores, tokens) => {
    scores[none] = -Infinity
    const written = tokens.slice(begin)
    const isTime = (token: number | undefined): boolean => token !== undefined && token >= first
    const isAfterTime = isTime(written.at(-1))
    const isAfterPair = isAfterTime && (written.length < 2 || isTime(written.at(-2)))
    if (isAfterPair) scores.fill(-Infinity, first)
    else if (isAfterTime) scores.fill(-Infinity, 0, end)
    const last = written.findLast(isTime)
    // The time that ends a piece may begin the next; otherwise times go on.
    if (last !== undefined) scores.fill(-Infinity, first, isAfterTime && !isAfterPair ? last : last + 1)
    if (written.length === 0) {
      scores.fill(-Infinity, 0, first)
      if (mostInitial !== undefined) scores.fill(-Infinity, first + mostInitial + 1)
    }
    if (logSum(scores, first) > largestBelow(scores, first)) scores.fill(-Infinity, 0, first)
  }
}

function logSum(scores: Float32Array, from: number): number {
  let largest = -Infinity
  for (let i = from; i < scores.length; i++) largest = Math.max(largest, scores[i]!)
  if (largest === -Infinity) return largest
  let sum = 0
  for (let i = from; i < scores.length; i++) sum += Math.exp(scores[i]! - largest)
  return largest + Math.log(sum)
}

function largestBelow(scores: Float32Array, end: number): number {
  let largest = -Infinity
  for (let i = 0; i < end; i++) largest = Math.max(largest, scores[i]!)
  return largest
}
