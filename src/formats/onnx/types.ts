import type { ElementType } from '../../core/index.ts'
import type { MessageReader } from '../protobuf/message-reader.ts'
import { onnxElementType, unsupportedElementType } from './element-types.ts'
import type { OnnxDim, OnnxType, OnnxValueInfo } from './model.ts'

/** Reads a ValueInfoProto. */
export function readValueInfo(reader: MessageReader): OnnxValueInfo {
  let name = ''
  let type: OnnxType | undefined
  while (reader.next()) {
    if (reader.field === 1) name = reader.name()
    else if (reader.field === 2) type = readType(reader.message('type'))
  }
  return { name, type }
}

/** Reads a TypeProto; undefined when it says nothing. */
export function readType(reader: MessageReader): OnnxType | undefined {
  let type: OnnxType | undefined
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        type = { kind: 'tensor', ...readTensorType(reader.message('tensor type')) }
        break
      case 8:
        type = { kind: 'sparse-tensor', ...readTensorType(reader.message('sparse tensor type')) }
        break
      case 4:
        type = { kind: 'sequence', element: readElementType(reader.message('sequence type')) }
        break
      case 9:
        type = { kind: 'optional', element: readElementType(reader.message('optional type')) }
        break
      case 5:
        type = readMapType(reader.message('map type'))
        break
      case 7:
        throw reader.malformed('an opaque type, for which there are no operators')
    }
  }
  return type
}

function readTensorType(reader: MessageReader): {
  readonly dtype: ElementType | undefined
  readonly shape: readonly OnnxDim[] | undefined
} {
  let dtype: ElementType | undefined
  let shape: OnnxDim[] | undefined
  while (reader.next()) {
    if (reader.field === 1) dtype = readDtype(reader)
    else if (reader.field === 2) shape = readShape(reader.message('shape'))
  }
  return { dtype, shape }
}

/** A type Hence cannot read is left open here: only a tensor of it is refused. */
function readDtype(reader: MessageReader): ElementType | undefined {
  const code = reader.int32()
  const type = onnxElementType(code)
  if (type === undefined && code !== 0 && unsupportedElementType(code) === undefined)
    throw reader.malformed(`${code} is not an element type`, { code })
  return type?.dtype
}

function readShape(reader: MessageReader): OnnxDim[] {
  const shape: OnnxDim[] = []
  while (reader.next()) if (reader.field === 1) shape.push(readDim(reader.message('dimension')))
  return shape
}

/** Exporters write -1 or an empty name for sizes they do not know. */
function readDim(reader: MessageReader): OnnxDim {
  let dim: OnnxDim
  while (reader.next()) {
    if (reader.field === 1) {
      const size = reader.int()
      dim = size >= 0 && Number.isSafeInteger(size) ? size : undefined
    } else if (reader.field === 2) dim = reader.text() || undefined
  }
  return dim
}

function readElementType(reader: MessageReader): OnnxType {
  let element: OnnxType | undefined
  while (reader.next()) if (reader.field === 1) element = readType(reader.message('type'))
  return element ?? { kind: 'tensor', dtype: undefined, shape: undefined }
}

function readMapType(reader: MessageReader): OnnxType {
  let key: ElementType | undefined
  let value: OnnxType | undefined
  while (reader.next()) {
    if (reader.field === 1) key = readDtype(reader)
    else if (reader.field === 2) value = readType(reader.message('type'))
  }
  if (key === undefined) throw reader.malformed('the keys of a map have no type')
  return { kind: 'map', key, value: value ?? { kind: 'tensor', dtype: undefined, shape: undefined } }
}
