import { MessageWriter } from '../protobuf/message-writer.ts'
import { encodeSparseTensor, encodeTensor } from './encode-tensor.ts'
import { encodeType } from './encode-type.ts'
import type { OnnxAttribute, OnnxGraph } from './model.ts'

/** Writes a GraphProto that is the value of an attribute. */
export type EncodeGraph = (graph: OnnxGraph) => MessageWriter

/** Numbers of the types in a file; a reference has none of its own. Source: onnx.proto, AttributeProto.AttributeType. */
const CODES: Readonly<Record<OnnxAttribute['type'], number>> = {
  reference: 0,
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  'sparse-tensor': 11,
  'sparse-tensors': 12,
  'value-type': 13,
  'value-types': 14,
}

/** An AttributeProto. */
export function encodeAttribute(name: string, attribute: OnnxAttribute, encodeGraph: EncodeGraph): MessageWriter {
  const message = new MessageWriter().text(1, name)
  writeValue(message, attribute, encodeGraph)
  return message.int(20, CODES[attribute.type])
}

function writeValue(message: MessageWriter, attribute: OnnxAttribute, encodeGraph: EncodeGraph): void {
  switch (attribute.type) {
    case 'float':
      message.float(2, attribute.value)
      break
    case 'int':
      message.int(3, attribute.value)
      break
    case 'string':
      message.text(4, attribute.value)
      break
    case 'tensor':
      message.message(5, encodeTensor(attribute.value))
      break
    case 'graph':
      message.message(6, encodeGraph(attribute.value))
      break
    case 'floats':
      message.packedFloats(7, attribute.value)
      break
    case 'ints':
      message.packedInts(8, attribute.value)
      break
    case 'strings':
      for (const text of attribute.value) message.text(9, text)
      break
    case 'tensors':
      for (const tensor of attribute.value) message.message(10, encodeTensor(tensor))
      break
    case 'graphs':
      for (const graph of attribute.value) message.message(11, encodeGraph(graph))
      break
    case 'value-type':
      message.message(14, encodeType(attribute.value))
      break
    case 'value-types':
      for (const type of attribute.value) message.message(15, encodeType(type))
      break
    case 'reference':
      message.text(21, attribute.value)
      break
    case 'sparse-tensor':
      message.message(22, encodeSparseTensor(attribute.value))
      break
    case 'sparse-tensors':
      for (const tensor of attribute.value) message.message(23, encodeSparseTensor(tensor))
      break
  }
}
