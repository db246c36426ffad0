const bits = new Uint32Array(1)
const value = new Float32Array(bits.buffer)

/** The number an IEEE half-precision bit pattern stands for, exactly. */
export function f16ToF32(half: number): number {
  const magnitude = (half & 0x7fff) << 13
  if (magnitude >= 0x0f800000) bits[0] = magnitude + 0x70000000
  else {
    // Multiplying by 2¹¹² moves the exponent and makes subnormals right.
    bits[0] = magnitude
    value[0]! *= 2 ** 112
  }
  bits[0]! |= (half & 0x8000) << 16
  return value[0]!
}

/** The half-precision bit pattern nearest to a number; ties to even, overflow to infinity. */
export function f32ToF16(number: number): number {
  value[0] = number
  const sign = (bits[0]! >>> 16) & 0x8000
  const magnitude = bits[0]! & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude < 0x38800000) {
    // A subnormal half: adding 0.5 makes the float unit round at the right bit.
    bits[0] = magnitude
    value[0]! += 0.5
    return sign | (bits[0]! - 0x3f000000)
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
}

/** The number a bfloat16 bit pattern stands for, exactly. */
export function bf16ToF32(bfloat: number): number {
  bits[0] = bfloat << 16
  return value[0]!
}

/** The bfloat16 bit pattern nearest to a number; ties to even. */
export function f32ToBf16(number: number): number {
  value[0] = number
  const u = bits[0]!
  if ((u & 0x7fffffff) > 0x7f800000) return (u >>> 16) | 0x40
  return ((u + 0x7fff + ((u >>> 16) & 1)) >>> 16) & 0xffff
}
