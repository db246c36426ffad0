import { HenceError } from '../../../core/index.ts'
import type { OperatorCall } from '../../operator.ts'

/**
 * A float as text: the fewest digits that read back as the same value of its type, with an exponent below 1e-4 and from
 * 1e16 on.
 *
 * @param round - rounds a double to the element type
 */
export function floatText(value: number, round: (x: number) => number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  let scientific = ''
  for (let digits = 0; digits <= 16; digits++) {
    scientific = value.toExponential(digits)
    if (round(Number(scientific)) === value) break
  }
  const [mantissa = '', exponentText = '0'] = scientific.split('e')
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, '0')
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${size}`
  }
  const decimals = Math.max(mantissa.replace('-', '').length - 2 - exponent, 1)
  return Number(scientific).toFixed(decimals)
}

/** The number a text names: decimal or scientific notation, `inf`, `+inf`, `-inf`, `nan` in any case. @throws HenceError `GRAPH_INVALID` */
export function parseFloatText(call: OperatorCall, text: string): number {
  const plain = text.trim().toLowerCase()
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(plain)) return Number(plain)
  const special = /^([+-]?)(inf|infinity|nan)$/.exec(plain)
  if (special) return special[2] === 'nan' ? Number.NaN : special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  throw new HenceError('GRAPH_INVALID', `${call.node}: "${text.slice(0, 40)}" is no number`, { node: call.node })
}

/** The integer a text names; one with a fraction loses it. @throws HenceError `GRAPH_INVALID` */
export function parseIntegerText(call: OperatorCall, text: string): bigint {
  const plain = text.trim()
  if (/^[+-]?\d{1,40}$/.test(plain)) return BigInt(plain.replace('+', ''))
  const value = parseFloatText(call, plain)
  return Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n
}
