import type { ElementType } from '../../core/index.ts'
import { MessageWriter } from '../protobuf/message-writer.ts'
import { onnxElementCode } from './element-types.ts'
import type { OnnxDim, OnnxType, OnnxValueInfo } from './model.ts'

/** A ValueInfoProto. */
export function encodeValueInfo({ name, type }: OnnxValueInfo): MessageWriter {
  const info = new MessageWriter().text(1, name)
  return type ? info.message(2, encodeType(type)) : info
}

/** A TypeProto. */
export function encodeType(type: OnnxType): MessageWriter {
  const message = new MessageWriter()
  switch (type.kind) {
    case 'tensor':
      return message.message(1, encodeTensorType(type.dtype, type.shape))
    case 'sparse-tensor':
      return message.message(8, encodeTensorType(type.dtype, type.shape))
    case 'sequence':
      return message.message(4, new MessageWriter().message(1, encodeType(type.element)))
    case 'optional':
      return message.message(9, new MessageWriter().message(1, encodeType(type.element)))
    case 'map':
      return message.message(5, new MessageWriter().int(1, onnxElementCode(type.key)).message(2, encodeType(type.value)))
  }
}

function encodeTensorType(dtype: ElementType | undefined, shape: readonly OnnxDim[] | undefined): MessageWriter {
  const message = new MessageWriter()
  if (dtype !== undefined) message.int(1, onnxElementCode(dtype))
  if (shape === undefined) return message
  const dims = new MessageWriter()
  for (const dim of shape) {
    const size = new MessageWriter()
    if (typeof dim === 'number') size.int(1, dim)
    else if (dim !== undefined) size.text(2, dim)
    dims.message(1, size)
  }
  return message.message(2, dims)
}
