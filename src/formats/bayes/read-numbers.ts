import { HenceError } from '../../core/index.ts'
import { parseDecimal } from './parse-decimal.ts'

/**
 * The numbers in a text, apart by white space or commas.
 *
 * @param what - names the text in messages
 * @throws HenceError `FILE_MALFORMED` at the first thing that is no number
 */
export function readNumbers(text: string, where: string, what: string): Float64Array {
  let values = new Float64Array(64)
  let count = 0
  let at = 0
  for (;;) {
    while (at < text.length && isSeparator(text.charCodeAt(at))) at++
    if (at >= text.length) return values.slice(0, count)
    const begin = at
    while (at < text.length && !isSeparator(text.charCodeAt(at))) at++
    const value = parseDecimal(text, begin, at)
    if (Number.isNaN(value))
      throw new HenceError(
        'FILE_MALFORMED',
        `${where}: ${what} has ${JSON.stringify(text.slice(begin, Math.min(at, begin + 20)))} instead of a number`,
        {
          where,
          index: count,
        },
      )
    if (count === values.length) {
      const larger = new Float64Array(2 * count)
      larger.set(values)
      values = larger
    }
    values[count++] = value
  }
}

function isSeparator(c: number): boolean {
  return c <= 0x20 || c === 0x2c
}
