import { f32ToBf16, f32ToF16, roundHalfEven } from '../../../core/index.ts'

/** A float of eight bits or less with a sign. */
export type SmallFloat = 'f8e4m3fn' | 'f8e4m3fnuz' | 'f8e5m2' | 'f8e5m2fnuz' | 'f4e2m1'

/** A floating-point format of eight bits or less, sign first, that rounds to nearest even. */
interface SmallFormat {
  readonly exponentBits: number
  readonly mantissaBits: number
  readonly bias: number
  /** Code of the largest finite magnitude. */
  readonly maxCode: number
  /** Code of infinity, where the format has one. */
  readonly infinity?: number
  /** Code that NaN becomes. */
  readonly nan: number
  /** Holds finite values only: overflow saturates whatever is asked. */
  readonly isFinite?: boolean
  /** No negative zero: its code is the one NaN. */
  readonly unsignedZero?: boolean
}

// Source: the ONNX notes on float 8 and float 4, after Micikevicius et al. 2022, Noune et al. 2022 and OCP Microscaling 1.0.
const FORMATS: Readonly<Record<SmallFloat, SmallFormat>> = {
  f8e4m3fn: { exponentBits: 4, mantissaBits: 3, bias: 7, maxCode: 0x7e, nan: 0x7f },
  f8e4m3fnuz: { exponentBits: 4, mantissaBits: 3, bias: 8, maxCode: 0x7f, nan: 0x80, unsignedZero: true },
  f8e5m2: { exponentBits: 5, mantissaBits: 2, bias: 15, maxCode: 0x7b, infinity: 0x7c, nan: 0x7e },
  f8e5m2fnuz: { exponentBits: 5, mantissaBits: 2, bias: 16, maxCode: 0x7f, nan: 0x80, unsignedZero: true },
  // Has no NaN; the ONNX reference turns it into negative zero.
  f4e2m1: { exponentBits: 2, mantissaBits: 1, bias: 1, maxCode: 0x7, nan: 0x8, isFinite: true },
}

/** True for the element types {@link encodeSmallFloat} writes. */
export function isSmallFloat(dtype: string): dtype is SmallFloat {
  return Object.hasOwn(FORMATS, dtype)
}

const tables = new Map<string, Float32Array>()

/** The value of each code of a small float, by code. */
export function smallFloatValues(dtype: SmallFloat | 'f8e8m0'): Float32Array {
  let values = tables.get(dtype)
  if (!values) {
    values = dtype === 'f8e8m0' ? tabulatePowers() : tabulate(FORMATS[dtype])
    tables.set(dtype, values)
  }
  return values
}

function tabulatePowers(): Float32Array {
  return Float32Array.from({ length: 256 }, (_, code) => (code === 255 ? Number.NaN : 2 ** (code - 127)))
}

function tabulate(format: SmallFormat): Float32Array {
  const { exponentBits, mantissaBits, bias } = format
  const half = 1 << (exponentBits + mantissaBits)
  const values = new Float32Array(256)
  for (let code = 0; code < 256; code++) {
    // Bits above the format's own are ignored.
    const magnitude = code & (half - 1)
    const exponent = magnitude >>> mantissaBits
    const fraction = magnitude & ((1 << mantissaBits) - 1)
    let value =
      exponent === 0 ? fraction * 2 ** (1 - bias - mantissaBits) : (fraction + (1 << mantissaBits)) * 2 ** (exponent - bias - mantissaBits)
    if (magnitude > format.maxCode) value = magnitude === format.infinity ? Number.POSITIVE_INFINITY : Number.NaN
    const negative = (code & half) !== 0
    values[code] = negative && format.unsignedZero && magnitude === 0 ? Number.NaN : negative ? -value : value
  }
  return values
}

/**
 * The code nearest to `value`, ties to even. Beyond the largest finite value: that value with `saturate`, else infinity or
 * NaN as the format has them.
 */
export function encodeSmallFloat(dtype: SmallFloat, value: number, saturate: boolean): number {
  const format = FORMATS[dtype]
  const { exponentBits, mantissaBits, bias, maxCode, nan } = format
  const sign = value < 0 || Object.is(value, -0) ? 1 << (exponentBits + mantissaBits) : 0
  if (Number.isNaN(value)) return nan
  const magnitude = Math.abs(value)
  let code = maxCode + 1
  if (magnitude < 2 ** 17) {
    const exponent = Math.max(exponentOf(magnitude), 1 - bias)
    code = ((exponent + bias - 1) << mantissaBits) + roundHalfEven(magnitude * 2 ** (mantissaBits - exponent))
  }
  if (code > maxCode) {
    if (saturate || format.isFinite) code = maxCode
    else if (format.infinity === undefined) return format.unsignedZero ? nan : nan | sign
    else code = format.infinity
  }
  return code === 0 && format.unsignedZero ? 0 : code | sign
}

/** How a value between two powers of two becomes one of them. */
export type PowerRounding = 'up' | 'down' | 'nearest'

/** The biased exponent (127) that stands for `value` as an f8e8m0, the scale type of microscaling formats. */
export function encodePower(value: number, saturate: boolean, rounding: PowerRounding): number {
  if (Number.isNaN(value)) return 255
  const magnitude = Math.abs(value)
  if (magnitude === Number.POSITIVE_INFINITY) return saturate ? 254 : 255
  if (magnitude < 2 ** -127) {
    if (magnitude === 0 || rounding !== 'nearest') return saturate || rounding !== 'nearest' ? 0 : 255
    return saturate || magnitude > 2 ** -128 ? 0 : 255
  }
  const exponent = exponentOf(magnitude)
  const fraction = magnitude / 2 ** exponent - 1
  const roundsUp = rounding === 'up' ? fraction > 0 : rounding === 'nearest' && fraction >= 0.5
  const code = exponent + 127 + (roundsUp ? 1 : 0)
  return code > 254 ? (saturate ? 254 : 255) : code
}

const doubles = new Float64Array(1)
const words = new Uint32Array(doubles.buffer)
const singles = new Float32Array(1)
const singleBits = new Uint32Array(singles.buffer)

/** The largest n with 2ⁿ ≤ value; -1023 for zero and subnormal doubles. */
export function exponentOf(value: number): number {
  doubles[0] = value
  return ((words[1]! >>> 20) & 0x7ff) - 1023
}

/** The single whose last bit says that bits were dropped; rounding it on to 22 bits or less rounds `value` once. */
function toOddSingle(value: number): number {
  singles[0] = value
  const single = singles[0]!
  if (single === value || Number.isNaN(value) || !Number.isFinite(single)) return single
  if (Math.abs(single) > Math.abs(value)) singleBits[0]! -= 1
  singleBits[0]! |= 1
  return singles[0]!
}

/** The 16 bits of the half nearest to a double, rounded once. */
export function f64ToF16(value: number): number {
  return f32ToF16(toOddSingle(value))
}

/** The 16 bits of the bfloat16 nearest to a double, rounded once. */
export function f64ToBf16(value: number): number {
  return f32ToBf16(toOddSingle(value))
}
