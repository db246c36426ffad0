import { bf16ToF32, type ElementType, f16ToF32 } from '../../../src/core/index.ts'
import type { GraphTensor, Value } from '../../../src/graph/index.ts'

/** The suite's own tolerances: |got − expected| ≤ absolute + relative · |expected|. Two units in the last place for bf16. */
const ABSOLUTE = 1e-7
const RELATIVE = 1e-3
const RELATIVE_BF16 = 2 ** -6

/** What differs between a value and the one expected, in a line; undefined when they agree. */
export function difference(expected: Value, got: Value | undefined): string | undefined {
  if (got === undefined) return 'there is no value'
  if ('data' in expected) return 'data' in got ? tensorDifference(expected, got) : `expected a tensor, got a ${got.kind}`
  if ('data' in got)
    return expected.kind === 'optional' && expected.value ? difference(expected.value, got) : `expected a ${expected.kind}, got a tensor`
  if (expected.kind === 'sequence' && got.kind === 'sequence') {
    if (expected.items.length !== got.items.length) return `expected ${expected.items.length} items, got ${got.items.length}`
    return first(expected.items.map((item, i) => within(`item ${i}`, difference(item, got.items[i]))))
  }
  if (expected.kind === 'optional' && got.kind === 'optional') {
    if (expected.value === undefined) return got.value === undefined ? undefined : 'expected nothing, got a value'
    return difference(expected.value, got.value)
  }
  if (expected.kind === 'map' && got.kind === 'map') {
    if (expected.entries.size !== got.entries.size) return `expected ${expected.entries.size} entries, got ${got.entries.size}`
    return first([...expected.entries].map(([key, value]) => within(`entry ${key}`, entryDifference(value, got.entries.get(key)))))
  }
  return `expected a ${expected.kind}, got a ${got.kind}`
}

type Entry = Value | number | string | bigint

function entryDifference(expected: Entry, got: Entry | undefined): string | undefined {
  if (typeof expected === 'object') return typeof got === 'object' ? difference(expected, got) : `expected a value, got ${got}`
  const agrees = typeof expected === 'number' && typeof got === 'number' ? isClose(expected, got, RELATIVE) : expected === got
  return agrees ? undefined : `expected ${expected}, got ${got}`
}

function first(problems: readonly (string | undefined)[]): string | undefined {
  return problems.find(problem => problem !== undefined)
}

function within(place: string, problem: string | undefined): string | undefined {
  return problem && `${place}: ${problem}`
}

function tensorDifference(expected: GraphTensor, got: GraphTensor): string | undefined {
  if (expected.dtype !== got.dtype) return `expected ${expected.dtype}, got ${got.dtype}`
  if (expected.shape.join() !== got.shape.join()) return `expected shape [${expected.shape.join(', ')}], got [${got.shape.join(', ')}]`
  if (expected.data.length !== got.data.length) return `expected ${expected.data.length} elements, got ${got.data.length}`
  const numberOf = floatReader(expected.dtype)
  const relative = expected.dtype === 'bf16' ? RELATIVE_BF16 : RELATIVE
  let wrong = 0
  let worst = { at: -1, excess: -1 }
  for (let i = 0; i < expected.data.length; i++) {
    const wanted = expected.data[i]!
    const found = got.data[i]!
    if (wanted === found) continue
    if (numberOf && isClose(numberOf(Number(wanted)), numberOf(Number(found)), relative)) continue
    wrong++
    const excess = typeof wanted === 'string' ? 0 : Math.abs(Number(wanted) - Number(found))
    if (worst.at < 0 || excess > worst.excess) worst = { at: i, excess }
  }
  if (wrong === 0) return undefined
  const shown = (value: unknown): string =>
    numberOf ? String(numberOf(Number(value))) : JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}` : v))
  return `${wrong} of ${expected.data.length} elements differ (${expected.dtype} [${expected.shape.join(', ')}]); most at ${worst.at}: expected ${shown(expected.data[worst.at])}, got ${shown(got.data[worst.at])}`
}

/** As NumPy's allclose with equal_nan: infinities must be equal. */
function isClose(expected: number, got: number, relative: number): boolean {
  if (Object.is(expected, got) || expected === got) return true
  if (!Number.isFinite(expected) || !Number.isFinite(got)) return false
  return Math.abs(got - expected) <= ABSOLUTE + relative * Math.abs(expected)
}

/** The number an entry stands for; undefined for types compared exactly. */
function floatReader(dtype: ElementType): ((entry: number) => number) | undefined {
  switch (dtype) {
    case 'f32':
    case 'f64':
    case 'c64':
    case 'c128':
      return entry => entry
    case 'f16':
      return f16ToF32
    case 'bf16':
      return bf16ToF32
    case 'f8e4m3fn':
      return bits => smallFloat(bits, 3, 7, 0x7f)
    case 'f8e4m3fnuz':
      return bits => (bits === 0x80 ? Number.NaN : smallFloat(bits, 3, 8))
    case 'f8e5m2':
      return bits =>
        (bits & 0x7f) > 0x7c ? Number.NaN : (bits & 0x7f) === 0x7c ? (bits < 128 ? Infinity : -Infinity) : smallFloat(bits, 2, 15)
    case 'f8e5m2fnuz':
      return bits => (bits === 0x80 ? Number.NaN : smallFloat(bits, 2, 16))
    case 'f4e2m1':
      return bits => smallFloat(((bits & 8) << 4) | (bits & 7), 1, 1)
    case 'f8e8m0':
      return bits => (bits === 255 ? Number.NaN : 2 ** (bits - 127))
    default:
      return undefined
  }
}

/** Sign in bit 7, then exponent and `mantissaBits` of fraction. */
function smallFloat(bits: number, mantissaBits: number, bias: number, nan = -1): number {
  const magnitude = bits & 0x7f
  if (magnitude === nan) return Number.NaN
  const exponent = magnitude >>> mantissaBits
  const fraction = (magnitude & (2 ** mantissaBits - 1)) / 2 ** mantissaBits
  const value = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias)
  return bits & 0x80 ? -value : value
}
