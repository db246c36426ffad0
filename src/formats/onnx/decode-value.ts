import { MessageReader } from '../protobuf/message-reader.ts'
import { decodeTensor, refuseExternal } from './decode-onnx.ts'
import type { OnnxType, OnnxValue } from './model.ts'
import { OnnxSource } from './onnx-source.ts'
import { densify, readSparseTensor } from './sparse.ts'
import { readTensor } from './tensor.ts'

/**
 * Decodes a value of a known type: a TensorProto, SequenceProto, OptionalProto or MapProto. A sparse tensor becomes dense.
 *
 * @throws HenceError as {@link decodeTensor}
 */
export function decodeValue(bytes: Uint8Array, type: OnnxType): OnnxValue {
  if (type.kind === 'tensor') return decodeTensor(bytes)
  const source = new OnnxSource(`ONNX ${type.kind}`, bytes, false)
  const reader = new MessageReader(source, type.kind)
  const value = READERS[type.kind](source, reader)
  refuseExternal(source)
  return value
}

type ReadValue = (source: OnnxSource, reader: MessageReader) => OnnxValue

const READERS: Readonly<Record<OnnxType['kind'], ReadValue>> = {
  tensor: (source, reader) => readTensor(source, reader).tensor,
  'sparse-tensor': (source, reader) => densify(source, reader, readSparseTensor(source, reader)),
  sequence: readSequence,
  optional: readOptional,
  map: readMap,
}

/** Kinds of the value fields of SequenceProto and OptionalProto, from field 3 on. Source: onnx-data.proto */
const SEQUENCE_FIELDS = ['tensor', 'sparse-tensor', 'sequence', 'map', 'optional'] as const
const OPTIONAL_FIELDS = SEQUENCE_FIELDS

function readSequence(source: OnnxSource, reader: MessageReader): OnnxValue {
  const items: OnnxValue[] = []
  while (reader.next()) {
    const kind = SEQUENCE_FIELDS[reader.field - 3]
    if (kind) items.push(READERS[kind](source, reader.message(kind)))
  }
  return { kind: 'sequence', items }
}

function readOptional(source: OnnxSource, reader: MessageReader): OnnxValue {
  let value: OnnxValue | undefined
  while (reader.next()) {
    const kind = OPTIONAL_FIELDS[reader.field - 3]
    if (kind) value = READERS[kind](source, reader.message(kind))
  }
  return { kind: 'optional', value }
}

function readMap(source: OnnxSource, reader: MessageReader): OnnxValue {
  const keys: (string | bigint)[] = []
  let items: readonly OnnxValue[] = []
  while (reader.next()) {
    if (reader.field === 3) reader.eachInt((low, high) => keys.push(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))))
    else if (reader.field === 4) keys.push(reader.text())
    else if (reader.field === 5) {
      const sequence = readSequence(source, reader.message('values of a map'))
      items = 'items' in sequence ? sequence.items : []
    }
  }
  if (keys.length !== items.length) throw reader.malformed(`a map has ${keys.length} keys and ${items.length} values`)
  return { kind: 'map', entries: new Map(keys.map((key, i) => [key, items[i]!])) }
}
