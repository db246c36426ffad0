/** How classes of tokens become classes of stretches of a text. */
export type Aggregation = 'none' | 'simple' | 'first' | 'average' | 'max'

/** A stretch of a text with its class. */
export interface EntityGroup {
  /** The class without `B-` and `I-`. */
  readonly entityGroup: string
  readonly score: number
  readonly word: string
  readonly start: number
  readonly end: number
}

/** A token of a text with its probabilities of classes. */
export interface TaggedToken {
  /** Its place among the tokens of the text. */
  readonly index: number
  readonly scores: readonly number[]
  readonly start: number
  readonly end: number
  /** Number of the word it is a part of. */
  readonly word: number | undefined
  /** The token as its vocabulary spells it. */
  readonly piece: string
}

/** A stretch of a text with one class. */
export interface Tag {
  readonly label: number
  readonly score: number
  readonly start: number
  readonly end: number
}

/** One class for every token (`simple`), or for every word. */
export function wordTags(tokens: readonly TaggedToken[], aggregation: Exclude<Aggregation, 'none'>): Tag[] {
  if (aggregation === 'simple') return tokens.map(token => best(token.scores, [token]))
  const words: TaggedToken[][] = []
  for (const token of tokens) {
    const last = words.at(-1)
    if (last && token.word !== undefined && last[0]!.word === token.word) last.push(token)
    else words.push([token])
  }
  return words.map(word => best(WORD_SCORES[aggregation](word), word))
}

const WORD_SCORES: Readonly<Record<'first' | 'average' | 'max', (word: readonly TaggedToken[]) => readonly number[]>> = {
  first: word => word[0]!.scores,
  average: word => word[0]!.scores.map((_, label) => word.reduce((sum, { scores }) => sum + scores[label]!, 0) / word.length),
  max: word => word.reduce((surest, token) => (Math.max(...token.scores) > Math.max(...surest.scores) ? token : surest)).scores,
}

function best(scores: readonly number[], tokens: readonly TaggedToken[]): Tag {
  const score = Math.max(...scores)
  return { label: scores.indexOf(score), score, start: tokens[0]!.start, end: tokens.at(-1)!.end }
}

/** Joins neighbours of one class; a class that begins (`B-`) begins a stretch. Its score is the mean of theirs. */
export function groupEntities(tags: readonly Tag[], nameOf: (label: number) => string, text: string): EntityGroup[] {
  const groups: { kind: string; tags: Tag[] }[] = []
  for (const tag of tags) {
    const name = nameOf(tag.label)
    const kind = name.replace(/^[BI]-/, '')
    const last = groups.at(-1)
    if (last?.kind === kind && !name.startsWith('B-')) last.tags.push(tag)
    else groups.push({ kind, tags: [tag] })
  }
  return groups.map(({ kind, tags: own }) => {
    const [start, end] = [own[0]!.start, own.at(-1)!.end]
    const score = own.reduce((sum, tag) => sum + tag.score, 0) / own.length
    return { entityGroup: kind, score, word: text.slice(start, end), start, end }
  })
}
