import { HenceError } from '../core/index.ts'
import { sliceTraced, type TracedText } from './encoding.ts'
import { asCount, asRecord, asString, unknownKind } from './json-fields.ts'

/** How texts are cut to a length. */
export interface Truncation {
  /** Most tokens, special ones among them. */
  readonly maxLength: number
  /** Tokens that windows after the first repeat from the one before; default 0. */
  readonly stride?: number
  /** Which text is cut; `longest` first takes from the longer one. Default `longest`. */
  readonly strategy?: 'longest' | 'first' | 'second'
  /** The end that is cut off; default `right`. */
  readonly direction?: 'left' | 'right'
}

/** Largest length or stride a file may ask for. */
const MAX_LENGTH = 1 << 30
/** Tokens in all windows of one text together, which a large stride multiplies. */
const MAX_WINDOW_TOKENS = 1 << 26

const STRATEGIES = { LongestFirst: 'longest', OnlyFirst: 'first', OnlySecond: 'second' } as const

/** The `truncation` of tokenizer.json; undefined when it has none. */
export function parseTruncation(value: unknown): Truncation | undefined {
  if (value === null || value === undefined) return undefined
  const fields = asRecord(value, 'truncation')
  const strategy = asString(fields['strategy'] ?? 'LongestFirst', 'truncation.strategy')
  if (!Object.hasOwn(STRATEGIES, strategy)) throw unknownKind('truncation strategy', strategy, Object.keys(STRATEGIES))
  const direction = asString(fields['direction'] ?? 'Right', 'truncation.direction')
  if (direction !== 'Left' && direction !== 'Right') throw unknownKind('truncation direction', direction, ['Left', 'Right'])
  return {
    maxLength: asCount(fields['max_length'], 'truncation.max_length', MAX_LENGTH),
    stride: asCount(fields['stride'] ?? 0, 'truncation.stride', MAX_LENGTH),
    strategy: STRATEGIES[strategy as keyof typeof STRATEGIES],
    direction: direction === 'Left' ? 'left' : 'right',
  }
}

/**
 * Cuts one or two texts to at most `maxLength` less `added` tokens and gives their windows, the first of which is what
 * is kept.
 *
 * @param added - special tokens that will be put around the texts
 * @throws HenceError `OPTION_INVALID` when the length has no room, or the text that should be cut is too short
 */
export function truncateTexts(
  first: TracedText,
  second: TracedText | undefined,
  truncation: Truncation,
  added: number,
): [TracedText[], TracedText[] | undefined] {
  const { maxLength, strategy = 'longest' } = truncation
  const stride = truncation.stride ?? 0
  const room = maxLength - added
  if (!Number.isInteger(maxLength) || room < 0)
    throw new HenceError('OPTION_INVALID', `maxLength ${maxLength} has no room for ${added} special tokens`, { maxLength, added })
  const lengths: [number, number] = [first.ids.length, second?.ids.length ?? 0]
  const excess = lengths[0] + lengths[1] - room
  if (excess <= 0) return [[first], second && [second]]
  const seen = (text: TracedText): number => seenLength(text, maxLength, truncation.direction ?? 'right')
  let kept: [number, number]
  if (strategy === 'longest' || room === 0)
    kept = room === 0 ? [0, 0] : second ? longestFirst([seen(first), seen(second)], room) : [room, 0]
  else {
    const at = strategy === 'first' ? 0 : 1
    if (lengths[at] <= excess)
      throw new HenceError('OPTION_INVALID', `the ${strategy} text has ${lengths[at]} tokens, and ${excess} have to go`, {
        strategy,
        length: lengths[at],
        excess,
      })
    kept = at === 0 ? [lengths[0] - excess, lengths[1]] : [lengths[0], lengths[1] - excess]
  }
  const windows = (text: TracedText, length: number): TracedText[] => windowsOf(text, length, stride, truncation.direction ?? 'right')
  return [windows(first, kept[0]), second && windows(second, kept[1])]
}

/**
 * What is left of two lengths when the longer one gives first, and then both down to half each; the longer one gets one
 * more when the room is odd.
 */
function longestFirst(lengths: readonly [number, number], room: number): [number, number] {
  const half = Math.floor(room / 2)
  const shorter = Math.min(...lengths)
  const kept: [number, number] = 2 * shorter > room ? [half, room - half] : [shorter, room - shorter]
  return lengths[0] > lengths[1] ? [kept[1], kept[0]] : kept
}

/**
 * Length of a text as Hugging Face tokenizers see it, which stop at the end of the piece that reaches `limit` tokens.
 * It decides which of two texts is the longer one.
 */
function seenLength({ words }: TracedText, limit: number, direction: 'left' | 'right'): number {
  const count = words.length
  let seen = Math.min(count, limit)
  const wordAt = (i: number): number | undefined => words[direction === 'right' ? i : count - 1 - i]
  while (seen > 0 && seen < count && wordAt(seen) === wordAt(seen - 1)) seen++
  return seen
}

function windowsOf(text: TracedText, length: number, stride: number, direction: 'left' | 'right'): TracedText[] {
  const count = text.ids.length
  if (length >= count) return [text]
  if (length === 0) return [sliceTraced(text, 0, 0), text]
  if (!Number.isInteger(stride) || stride < 0 || stride >= length)
    throw new HenceError('OPTION_INVALID', `a stride of ${stride} tokens in windows of ${length} never gets on`, { stride, length })
  if (Math.ceil(count / (length - stride)) * length > MAX_WINDOW_TOKENS)
    throw new HenceError('OPTION_INVALID', `windows of ${length} tokens at a stride of ${stride} repeat ${count} tokens too often`, {
      stride,
      length,
      count,
    })
  const windows: TracedText[] = []
  if (direction === 'right') {
    for (let start = 0; start === 0 || start + stride < count; start += length - stride) {
      windows.push(sliceTraced(text, start, Math.min(start + length, count)))
      if (start + length >= count) break
    }
  } else {
    for (let end = count; end > 0; end -= length - stride) {
      windows.push(sliceTraced(text, Math.max(0, end - length), end))
      if (end <= length) break
    }
  }
  return windows
}
