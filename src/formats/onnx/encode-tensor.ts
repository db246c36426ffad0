import { HenceError } from '../../core/index.ts'
import { checkedElementCount } from '../extents.ts'
import { MessageWriter } from '../protobuf/message-writer.ts'
import { type OnnxElementType, onnxElementCode, onnxElementType } from './element-types.ts'
import type { OnnxSparseTensor, OnnxTensor } from './model.ts'
import { entryCount, rawByteLength } from './tensor-elements.ts'

/** A TensorProto: elements in raw form, strings one by one. @throws HenceError `OPTION_INVALID` for a wrong number of elements */
export function encodeTensor(tensor: OnnxTensor, name = ''): MessageWriter {
  const { dtype, shape, data } = tensor
  const elements = checkedElementCount('ONNX model', name, shape)
  if (data.length !== entryCount(dtype, elements))
    throw new HenceError('OPTION_INVALID', `tensor "${name}" of type ${dtype} and shape [${shape.join(', ')}] has ${data.length} entries`, {
      tensor: name,
      dtype,
      shape,
      length: data.length,
    })
  const code = onnxElementCode(dtype)
  const message = new MessageWriter().packedInts(1, shape).int(2, code).text(8, name)
  if (Array.isArray(data)) {
    for (const text of data) message.text(6, text)
    return message
  }
  return message.bytes(9, rawElements(onnxElementType(code)!, data as Exclude<typeof data, string[]>, elements))
}

/** A view of the elements' memory, or several of them in each byte, the first in the low bits. */
function rawElements(type: OnnxElementType, data: Exclude<OnnxTensor['data'], string[]>, elements: number): Uint8Array {
  const { bits } = type
  if (bits >= 8) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const packed = new Uint8Array(rawByteLength(type, elements))
  const perByte = 8 / bits
  const mask = 2 ** bits - 1
  for (let i = 0; i < elements; i++) packed[Math.floor(i / perByte)]! |= (Number(data[i]) & mask) << ((i % perByte) * bits)
  return packed
}

/** A SparseTensorProto. */
export function encodeSparseTensor({ values, indices, shape }: OnnxSparseTensor): MessageWriter {
  return new MessageWriter().message(1, encodeTensor(values)).message(2, encodeTensor(indices)).packedInts(3, shape)
}
