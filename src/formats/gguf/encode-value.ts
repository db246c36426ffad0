import { HenceError } from '../../core/index.ts'
import { GGUF_VALUE_TYPES, type GgufNumbers, type GgufValue, type GgufValueType } from './values.ts'

/** A GGUF number type. */
export type GgufNumberType = Exclude<GgufValueType, 'bool' | 'string' | 'array'>

/** A metadata value to write; `{ type, value }` fixes the type of a number that would otherwise be inferred. */
export type GgufInput = GgufValue | { readonly type: GgufNumberType; readonly value: number | bigint }

/** A value's type id and bytes, as they stand after its key. */
export function encodeTypedValue(key: string, value: GgufInput): Uint8Array {
  const { type, bytes } = encodeValue(key, value)
  return Buffer.concat([typeId(type), bytes])
}

/** A string after its 64-bit length. */
export function encodeString(value: string): Uint8Array {
  const bytes = Buffer.from(value)
  return Buffer.concat([encodeNumber('u64', bytes.length), bytes])
}

/** A number in little-endian bytes. */
export function encodeNumber(type: GgufNumberType, value: number | bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(8))
  const number = Number(value)
  const bytes = (length: number): Uint8Array => new Uint8Array(view.buffer, 0, length)
  switch (type) {
    case 'u8':
    case 'i8':
      view.setUint8(0, number)
      return bytes(1)
    case 'u16':
    case 'i16':
      view.setUint16(0, number, true)
      return bytes(2)
    case 'u32':
    case 'i32':
      view.setUint32(0, number, true)
      return bytes(4)
    case 'f32':
      view.setFloat32(0, number, true)
      return bytes(4)
    case 'f64':
      view.setFloat64(0, number, true)
      return bytes(8)
    case 'u64':
    case 'i64':
      view.setBigInt64(0, BigInt(value), true)
      return bytes(8)
  }
}

interface EncodedValue {
  readonly type: GgufValueType
  readonly bytes: Uint8Array
}

function encodeValue(key: string, value: GgufInput): EncodedValue {
  if (typeof value === 'string') return { type: 'string', bytes: encodeString(value) }
  if (typeof value === 'boolean') return { type: 'bool', bytes: Uint8Array.of(value ? 1 : 0) }
  if (typeof value === 'number' || typeof value === 'bigint') {
    const type = inferType(value)
    return { type, bytes: encodeNumber(type, value) }
  }
  if (isNumbers(value))
    return encodeArray(arrayType(value), value.length, [new Uint8Array(value.buffer, value.byteOffset, value.byteLength)])
  if ('type' in value) return { type: value.type, bytes: encodeNumber(value.type, value.value) }
  return encodeElements(key, value)
}

/** Numbers in a plain array become i64 when all are whole, else f64. */
function encodeElements(key: string, values: readonly GgufValue[]): EncodedValue {
  const numberType: GgufNumberType = values.every(value => typeof value === 'bigint' || Number.isSafeInteger(value)) ? 'i64' : 'f64'
  const elements = values.map(
    (value): EncodedValue =>
      typeof value === 'number' || typeof value === 'bigint'
        ? { type: numberType, bytes: encodeNumber(numberType, value) }
        : encodeValue(key, value),
  )
  const type = elements[0]?.type ?? 'string'
  if (elements.some(element => element.type !== type))
    throw new HenceError('OPTION_INVALID', `metadata "${key}": an array mixes types`, { key })
  return encodeArray(
    type,
    values.length,
    elements.map(element => element.bytes),
  )
}

function encodeArray(type: GgufValueType, count: number, elements: readonly Uint8Array[]): EncodedValue {
  return { type: 'array', bytes: Buffer.concat([typeId(type), encodeNumber('u64', count), Buffer.concat(elements)]) }
}

function typeId(type: GgufValueType): Uint8Array {
  return encodeNumber('u32', GGUF_VALUE_TYPES.indexOf(type))
}

function isNumbers(value: object): value is GgufNumbers {
  return ArrayBuffer.isView(value)
}

function arrayType(values: GgufNumbers): GgufValueType {
  if (values instanceof Int8Array) return 'i8'
  if (values instanceof Uint16Array) return 'u16'
  if (values instanceof Int16Array) return 'i16'
  if (values instanceof Uint32Array) return 'u32'
  if (values instanceof Int32Array) return 'i32'
  if (values instanceof Float32Array) return 'f32'
  if (values instanceof Float64Array) return 'f64'
  return 'u8'
}

function inferType(value: number | bigint): GgufNumberType {
  if (typeof value === 'bigint') return value < 0n ? 'i64' : 'u64'
  if (!Number.isSafeInteger(value)) return 'f32'
  if (value < 0) return value >= -(2 ** 31) ? 'i32' : 'i64'
  return value < 2 ** 32 ? 'u32' : 'u64'
}
