/** Single fields of protobuf messages, for tests that build files by hand. */
import { MessageWriter } from '../src/formats/protobuf/message-writer.ts'

/** Bytes, or text that becomes its UTF-8, or the fields of a message. */
type Content = Uint8Array | string | readonly Uint8Array[]

/** An integer field. */
export function int(field: number, value: number | bigint): Uint8Array {
  return new MessageWriter().int(field, value).toBytes()
}

/** A single-precision field. */
export function float(field: number, value: number): Uint8Array {
  return new MessageWriter().float(field, value).toBytes()
}

/** A double-precision field. */
export function double(field: number, value: number): Uint8Array {
  return new MessageWriter().double(field, value).toBytes()
}

/** A field of bytes, text or a message. */
export function bytes(field: number, content: Content): Uint8Array {
  const body = typeof content === 'string' ? Buffer.from(content) : content instanceof Uint8Array ? content : Buffer.concat(content)
  return new MessageWriter().bytes(field, body).toBytes()
}

/** The memory of a typed array as the bytes of a field. */
export function raw(field: number, values: ArrayBufferView): Uint8Array {
  return bytes(field, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
}

/** Integers packed into one field. */
export function packedInts(field: number, values: readonly (number | bigint)[]): Uint8Array {
  return new MessageWriter().packedInts(field, values).toBytes()
}

/** An integer as it stands behind a tag. */
export function varint(value: number | bigint): Uint8Array {
  return new MessageWriter().int(1, value).toBytes().subarray(1)
}
