/** Begins a text that stands for a whole number which a double could not hold. */
const MARK = '\0int:'

/** Whole numbers of so many digits may be beyond 2⁵³. */
const LONG_INTEGER = /(?<=^|[[,:\s])-?[1-9]\d{15,}(?=$|[\],}\s])/g

/**
 * Parses JSON so that whole numbers beyond 2⁵³ stay exact: they come as texts that {@link exactInteger} reads. Any other
 * number is a double, as usual.
 *
 * @throws SyntaxError as `JSON.parse`
 */
export function parseExactJson(text: string): unknown {
  return JSON.parse(/\d{16}/.test(text) ? markLongIntegers(text) : text)
}

/** The whole number that a value of {@link parseExactJson} stands for; undefined for what is none. */
export function exactInteger(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  return typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : undefined
}

/** The double that a value of {@link parseExactJson} stands for; undefined for what is no number. */
export function doubleOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  const exact = exactInteger(value)
  return exact === undefined ? undefined : Number(exact)
}

/** Long integers outside of texts become marked texts. */
function markLongIntegers(text: string): string {
  const parts: string[] = []
  let at = 0
  while (at < text.length) {
    const quote = text.indexOf('"', at)
    const end = quote < 0 ? text.length : quote
    parts.push(
      text.slice(at, end).replace(LONG_INTEGER, digits => (Number.isSafeInteger(Number(digits)) ? digits : `"\\u0000int:${digits}"`)),
    )
    if (quote < 0) break
    at = endOfText(text, quote)
    parts.push(text.slice(quote, at))
  }
  return parts.join('')
}

/** Index after the text that begins at `quote`. */
function endOfText(text: string, quote: number): number {
  for (let from = quote + 1; ; ) {
    const end = text.indexOf('"', from)
    if (end < 0) return text.length
    let slashes = 0
    while (text[end - 1 - slashes] === '\\') slashes++
    if (slashes % 2 === 0) return end + 1
    from = end + 1
  }
}
