import { checkShape, type Operator } from '../../operator.ts'
import { indexTensor, outputTensor } from '../support/index.ts'
import { stringInput } from './string-normalizer.ts'

const MAX_SUBSTRINGS = 2 ** 26

/** Cuts each string at a delimiter; rows of fewer substrings end with empty ones. The second output counts them. */
const stringSplit: Operator = {
  domain: '',
  name: 'StringSplit',
  run: call => {
    const input = stringInput(call, 0)
    const delimiter = call.attributes.string('delimiter', '')
    const maxSplit = call.attributes.int('maxsplit', -1)
    const limit = maxSplit < 0 ? Number.POSITIVE_INFINITY : maxSplit
    let total = 0
    let width = 0
    const rows = input.data.map(text => {
      const parts = delimiter === '' ? splitAtSpace(text, limit) : splitAt(text, delimiter, limit)
      total += parts.length
      width = Math.max(width, parts.length)
      checkShape(total <= MAX_SUBSTRINGS, call, `more than ${MAX_SUBSTRINGS} substrings`)
      return parts
    })
    const output = outputTensor(call, 'string', [...input.shape, width])
    for (const [row, parts] of rows.entries()) for (let at = 0; at < parts.length; at++) output.data[row * width + at] = parts[at]!
    const counts = indexTensor(
      call,
      input.shape,
      rows.map(parts => parts.length),
    )
    return [output, counts]
  },
}

function splitAt(text: string, delimiter: string, limit: number): string[] {
  const parts: string[] = []
  let start = 0
  while (parts.length < limit) {
    const end = text.indexOf(delimiter, start)
    if (end < 0) break
    parts.push(text.slice(start, end))
    start = end + delimiter.length
  }
  parts.push(text.slice(start))
  return parts
}

/** What Unicode calls white space, and the four separators of ASCII. */
function isSpace(char: string): boolean {
  const code = char.charCodeAt(0)
  if (code < 128) return code === 32 || (code >= 9 && code <= 13) || (code >= 28 && code <= 31)
  return /\p{White_Space}/u.test(char)
}

/** Splits at runs of white space; what remains after the last split keeps its own, but for that before its start. */
function splitAtSpace(text: string, limit: number): string[] {
  const parts: string[] = []
  let at = 0
  for (;;) {
    while (at < text.length && isSpace(text[at]!)) at++
    if (at === text.length) return parts
    if (parts.length >= limit) {
      parts.push(text.slice(at))
      return parts
    }
    const start = at
    while (at < text.length && !isSpace(text[at]!)) at++
    parts.push(text.slice(start, at))
  }
}

/** Cutting of text. */
export const stringSplitOperators: readonly Operator[] = [stringSplit]
