const scratchF32 = new Float32Array(1)
const scratchU32 = new Uint32Array(scratchF32.buffer)

const F16_VALUES = /* @__PURE__ */ tabulateF16()

function tabulateF16(): Float32Array {
  const values = new Float32Array(65536)
  for (let bits = 0; bits < 32768; bits++) {
    const exponent = bits >>> 10
    const fraction = bits & 0x3ff
    let value: number
    if (exponent === 0) value = fraction * 2 ** -24
    else if (exponent < 31) value = (1024 + fraction) * 2 ** (exponent - 25)
    else value = fraction === 0 ? Number.POSITIVE_INFINITY : Number.NaN
    values[bits] = value
    values[bits | 0x8000] = -value
  }
  return values
}

/** The value of an IEEE 754 half-precision number given by its 16 bits. */
export function f16ToF32(bits: number): number {
  return F16_VALUES[bits & 0xffff]!
}

/** The value of the little-endian half-precision number at `bytes[offset]`. */
export function f16At(bytes: Uint8Array, offset: number): number {
  return F16_VALUES[bytes[offset]! | (bytes[offset + 1]! << 8)]!
}

/** The 16 bits of the half-precision number nearest to `value`, ties to even; overflow gives infinity. */
export function f32ToF16(value: number): number {
  scratchF32[0] = value
  const bits = scratchU32[0]!
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // 65520 is halfway between the largest half (65504) and the next step, and rounds up.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude < 0x38800000) {
    // The last bit of floats in [0.5, 1) weighs 2^-24, as does a subnormal half's: adding 0.5 rounds.
    scratchU32[0] = magnitude
    scratchF32[0] = scratchF32[0]! + 0.5
    return sign | (scratchU32[0]! - 0x3f000000)
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
}

/** Writes the half nearest to `value` at `bytes[offset]`, little-endian, and returns the value written. */
export function writeF16(bytes: Uint8Array, offset: number, value: number): number {
  const bits = f32ToF16(value)
  bytes[offset] = bits & 0xff
  bytes[offset + 1] = bits >>> 8
  return f16ToF32(bits)
}

/** The value of a bfloat16 number given by its 16 bits. */
export function bf16ToF32(bits: number): number {
  scratchU32[0] = bits << 16
  return scratchF32[0]!
}

/** The 16 bits of the bfloat16 number nearest to `value`, ties to even. */
export function f32ToBf16(value: number): number {
  scratchF32[0] = value
  const bits = scratchU32[0]!
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff
}
