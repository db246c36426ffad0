/** Fields of protobuf messages, for tests that build files by hand. */

/** Bytes, or text that becomes its UTF-8, or the fields of a message. */
type Content = Uint8Array | string | readonly Uint8Array[]

/** Seven bits a byte, lowest first; a negative number as 64 bits of two's complement. */
export function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  return Uint8Array.of(...bytes, Number(rest))
}

function tag(field: number, wireType: number): Uint8Array {
  return varint(field * 8 + wireType)
}

/** An integer field. */
export function int(field: number, value: number | bigint): Uint8Array {
  return Buffer.concat([tag(field, 0), varint(value)])
}

/** A single-precision field. */
export function float(field: number, value: number): Uint8Array {
  return Buffer.concat([tag(field, 5), new Uint8Array(Float32Array.of(value).buffer)])
}

/** A double-precision field. */
export function double(field: number, value: number): Uint8Array {
  return Buffer.concat([tag(field, 1), new Uint8Array(Float64Array.of(value).buffer)])
}

/** A field of bytes, text or a message. */
export function bytes(field: number, content: Content): Uint8Array {
  const body = typeof content === 'string' ? Buffer.from(content) : content instanceof Uint8Array ? content : Buffer.concat(content)
  return Buffer.concat([tag(field, 2), varint(body.length), body])
}

/** The memory of a typed array as the bytes of a field. */
export function raw(field: number, values: ArrayBufferView): Uint8Array {
  return bytes(field, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
}

/** Integers packed into one field. */
export function packedInts(field: number, values: readonly (number | bigint)[]): Uint8Array {
  return bytes(field, values.map(varint))
}
