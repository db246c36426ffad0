import { bf16ToF32, f16At, f32ToBf16, writeF16 } from '../../core/index.ts'
import type { BlockCodec } from './block-codec.ts'

/** IEEE single precision, little-endian as is every machine Node runs on that Hence supports. */
export const f32: BlockCodec = {
  decode(bytes, blockCount, out) {
    new Uint8Array(out.buffer, out.byteOffset, blockCount * 4).set(bytes.subarray(0, blockCount * 4))
  },
  encode(values, blockCount, out) {
    out.set(new Uint8Array(values.buffer, values.byteOffset, blockCount * 4))
  },
}

/** IEEE half precision. */
export const f16: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let i = 0; i < blockCount; i++) out[i] = f16At(bytes, 2 * i)
  },
  encode(values, blockCount, out) {
    for (let i = 0; i < blockCount; i++) writeF16(out, 2 * i, values[i]!)
  },
}

/** bfloat16: the upper half of a single. */
export const bf16: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let i = 0; i < blockCount; i++) out[i] = bf16ToF32(bytes[2 * i]! | (bytes[2 * i + 1]! << 8))
  },
  encode(values, blockCount, out) {
    for (let i = 0; i < blockCount; i++) {
      const bits = f32ToBf16(values[i]!)
      out[2 * i] = bits & 0xff
      out[2 * i + 1] = bits >>> 8
    }
  },
}
