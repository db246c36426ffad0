import { type BlockCodec, roundTo } from './block-codec.ts'

/** A codec of scalars that a DataView reads and writes; the nearest single-precision value comes out. */
function scalar(
  size: number,
  get: (view: DataView, at: number) => number,
  set: (view: DataView, at: number, value: number) => void,
): BlockCodec {
  return {
    decode(bytes, blockCount, out) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      for (let i = 0; i < blockCount; i++) out[i] = get(view, i * size)
    },
    encode(values, blockCount, out) {
      const view = new DataView(out.buffer, out.byteOffset, out.byteLength)
      for (let i = 0; i < blockCount; i++) set(view, i * size, values[i]!)
    },
  }
}

export const f64: BlockCodec = scalar(
  8,
  (view, at) => view.getFloat64(at, true),
  (view, at, x) => view.setFloat64(at, x, true),
)
export const i8: BlockCodec = scalar(
  1,
  (view, at) => view.getInt8(at),
  (view, at, x) => view.setInt8(at, roundTo(x, -128, 127)),
)
export const i16: BlockCodec = scalar(
  2,
  (view, at) => view.getInt16(at, true),
  (view, at, x) => view.setInt16(at, roundTo(x, -32768, 32767), true),
)
export const i32: BlockCodec = scalar(
  4,
  (view, at) => view.getInt32(at, true),
  (view, at, x) => view.setInt32(at, roundTo(x, -(2 ** 31), 2 ** 31 - 1), true),
)
export const i64: BlockCodec = scalar(
  8,
  (view, at) => Number(view.getBigInt64(at, true)),
  (view, at, x) => view.setBigInt64(at, BigInt(roundTo(x, -(2 ** 53), 2 ** 53)), true),
)
export const u8: BlockCodec = scalar(
  1,
  (view, at) => view.getUint8(at),
  (view, at, x) => view.setUint8(at, roundTo(x, 0, 255)),
)
export const u16: BlockCodec = scalar(
  2,
  (view, at) => view.getUint16(at, true),
  (view, at, x) => view.setUint16(at, roundTo(x, 0, 65535), true),
)
export const u32: BlockCodec = scalar(
  4,
  (view, at) => view.getUint32(at, true),
  (view, at, x) => view.setUint32(at, roundTo(x, 0, 2 ** 32 - 1), true),
)
export const u64: BlockCodec = scalar(
  8,
  (view, at) => Number(view.getBigUint64(at, true)),
  (view, at, x) => view.setBigUint64(at, BigInt(roundTo(x, 0, 2 ** 53)), true),
)
export const bool: BlockCodec = scalar(
  1,
  (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
  (view, at, x) => view.setUint8(at, x === 0 ? 0 : 1),
)
