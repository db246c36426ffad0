/** Times of a stretch of sound: where its tokens of time begin, and what a step of them is. */
export interface TimeScale {
  /** The token of 0 s. */
  readonly first: number
  /** Seconds from one token of time to the next. */
  readonly step: number
  /** Seconds of the stretch, without the silence that fills it up. */
  readonly seconds: number
}

/** A piece of speech within a stretch, in seconds from its beginning. */
export interface SpeechPiece {
  readonly start: number
  readonly end: number
  /** Text alone. */
  readonly tokens: readonly number[]
}

/**
 * What a model wrote about a stretch, cut where two times meet, and how far the stretch is done with: to its end, or, when it
 * ends within a piece, to where the last whole piece ends. Source: Radford et al. 2022 §4.5, as in the reference implementation.
 */
export function speechPieces(
  tokens: readonly number[],
  { first, step, seconds }: TimeScale,
): { readonly pieces: readonly SpeechPiece[]; readonly doneSeconds: number } {
  const isTime = (token: number | undefined): boolean => token !== undefined && token >= first
  const timeOf = (token: number): number => Math.min(seconds, (token - first) * step)
  const textOf = (part: readonly number[]): number[] => part.filter(token => !isTime(token))
  const cuts = tokens.flatMap((token, i) => (i > 0 && isTime(token) && isTime(tokens[i - 1]) ? [i] : []))
  const endsWithOneTime = isTime(tokens.at(-1)) && !isTime(tokens.at(-2))
  if (cuts.length === 0) {
    const opening = isTime(tokens[0]) ? timeOf(tokens[0]!) : 0
    const last = tokens.findLast(isTime)
    const isOnlyOpening = tokens.filter(isTime).length < 2
    const end = last === undefined || isOnlyOpening || timeOf(last) <= opening ? seconds : timeOf(last)
    const text = textOf(tokens)
    return { pieces: text.length > 0 ? [{ start: Math.min(opening, end), end, tokens: text }] : [], doneSeconds: seconds }
  }
  if (endsWithOneTime) cuts.push(tokens.length)
  const pieces: SpeechPiece[] = []
  let begin = 0
  for (const cut of cuts) {
    const part = tokens.slice(begin, cut)
    const text = textOf(part)
    const start = isTime(part[0]) ? timeOf(part[0]!) : 0
    if (text.length > 0) pieces.push({ start, end: Math.max(start, timeOf(part.findLast(isTime)!)), tokens: text })
    begin = cut
  }
  return { pieces, doneSeconds: endsWithOneTime ? seconds : timeOf(tokens[begin - 1]!) }
}
