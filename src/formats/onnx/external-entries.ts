import type { MessageReader } from '../protobuf/message-reader.ts'
import type { OnnxElementType } from './element-types.ts'
import type { OnnxTensor } from './model.ts'
import type { OnnxSource } from './onnx-source.ts'
import { readStringEntry } from './string-entries.ts'
import { rawByteLength } from './tensor-elements.ts'

/** An external tensor as far as its TensorProto has been read. */
export interface ExternalHeader {
  readonly what: string
  readonly name: string
  readonly type: OnnxElementType
  readonly shape: readonly number[]
  readonly elements: number
}

/** Reads where an external tensor lies and notes it in `source`; the tensor's elements are put in place later. */
export function readExternalTensor(source: OnnxSource, reader: MessageReader, { what, type, shape, elements }: ExternalHeader): OnnxTensor {
  const entries = new Map<string, string>()
  while (reader.next()) {
    if (reader.field !== 13) continue
    const { key, value } = readStringEntry(reader.message('external data'))
    entries.set(key, value)
  }
  const location = entries.get('location')
  if (location === undefined || location === '') throw reader.malformed(`${what}: its external data has no location`)
  if (type.dtype === 'string') throw reader.malformed(`${what}: strings cannot be external data`)
  const integer = (key: string): number | undefined => {
    const text = entries.get(key)
    if (text === undefined || text === '') return undefined
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (!Number.isSafeInteger(value)) throw reader.malformed(`${what}: ${key} "${text}" of its external data is not an integer`)
    return value
  }
  const byteLength = rawByteLength(type, elements)
  const stated = integer('length')
  if (stated !== undefined && stated !== byteLength)
    throw reader.malformed(`${what}: ${elements} elements of ${type.dtype} take ${byteLength} bytes, its external data has ${stated}`, {
      expected: byteLength,
      got: stated,
    })
  const tensor = { dtype: type.dtype, shape, data: new Uint8Array(0) } as OnnxTensor
  source.external.push({ what, type, elements, byteLength, location, offset: integer('offset') ?? 0, tensor })
  return tensor
}
