const ZERO = 0x30
const POINT = 0x2e
const PLUS = 0x2b
const MINUS = 0x2d

/** 10^k is exact in a double up to k = 22. */
const POWERS = Float64Array.from({ length: 23 }, (_, k) => 10 ** k)

/**
 * The number written in `text` from `begin` to `end`, NaN where it is none; the same as `Number` gives for decimal notation.
 * Most probabilities have few digits: their mantissa and power of ten are exact, and one division rounds once.
 */
export function parseDecimal(text: string, begin: number, end: number): number {
  let at = begin
  const sign = text.charCodeAt(at)
  if (sign === MINUS || sign === PLUS) at++
  let mantissa = 0
  let digits = 0
  let scale = 0
  let hasPoint = false
  for (; at < end; at++) {
    const c = text.charCodeAt(at)
    const digit = c - ZERO
    if (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit
      digits++
      if (hasPoint) scale++
    } else if (c === POINT && !hasPoint) hasPoint = true
    else break
  }
  if (at < end || digits === 0) return parseExponent(text.slice(begin, end))
  if (mantissa > Number.MAX_SAFE_INTEGER || scale > 22) return Number(text.slice(begin, end))
  const value = scale === 0 ? mantissa : mantissa / POWERS[scale]!
  return sign === MINUS ? -value : value
}

function parseExponent(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
}
