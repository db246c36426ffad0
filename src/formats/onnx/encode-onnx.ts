import { HenceError } from '../../core/index.ts'
import { saveTo } from '../byte-sink.ts'
import { MessageWriter } from '../protobuf/message-writer.ts'
import { encodeAttribute } from './encode-attribute.ts'
import { encodeTensor } from './encode-tensor.ts'
import { encodeValueInfo } from './encode-type.ts'
import type { OnnxAttribute, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from './model.ts'

/** From this version on, initializers need not be listed among the inputs. Source: onnx.proto, the list of versions. */
const FIRST_IR_WITH_HIDDEN_INITIALIZERS = 4

/** Protobuf's own limit. */
const MAX_FILE_BYTES = 2 ** 31 - 1

/**
 * An ONNX file as bytes, the weights inside it. `files` of the model is not written.
 *
 * @throws HenceError `OPTION_INVALID` (a tensor with a wrong number of elements), `FILE_LIMIT` (more than 2 GiB)
 */
export function encodeOnnx(model: Omit<OnnxModel, 'files'>): Uint8Array {
  return encodeModel(model).toBytes()
}

/** Writes an ONNX file without a second copy of the weights. @throws HenceError `FILE_UNREADABLE`, else as {@link encodeOnnx} */
export async function writeOnnx(path: string, model: Omit<OnnxModel, 'files'>): Promise<void> {
  const message = encodeModel(model)
  await saveTo(path, [{ source: () => message.chunks(), byteLength: message.byteLength }])
}

function encodeModel({ irVersion, producer, opsets, graph, functions, metadata }: Omit<OnnxModel, 'files'>): MessageWriter {
  const listed = irVersion < FIRST_IR_WITH_HIDDEN_INITIALIZERS ? withInitializersAsInputs(graph) : withDefaults(graph)
  const message = new MessageWriter().int(1, irVersion).text(2, producer).message(7, encodeGraph(listed))
  writeOpsets(message, 8, opsets)
  for (const [key, value] of metadata) message.message(14, new MessageWriter().text(1, key).text(2, value))
  for (const f of functions) message.message(25, encodeFunction(f))
  if (message.byteLength > MAX_FILE_BYTES)
    throw new HenceError('FILE_LIMIT', `the model takes ${message.byteLength} bytes, a file of protobuf at most ${MAX_FILE_BYTES}`, {
      byteLength: message.byteLength,
      limit: MAX_FILE_BYTES,
    })
  return message
}

function withInitializersAsInputs(graph: OnnxGraph): OnnxGraph {
  const more = Array.from(graph.initializers, ([name, { dtype, shape }]) => ({ name, type: { kind: 'tensor' as const, dtype, shape } }))
  return { ...graph, inputs: [...graph.inputs, ...more] }
}

function withDefaults(graph: OnnxGraph): OnnxGraph {
  return graph.defaults ? { ...graph, inputs: [...graph.inputs, ...graph.defaults] } : graph
}

/** A GraphProto. */
function encodeGraph({ name, nodes, inputs, outputs, values, initializers }: OnnxGraph): MessageWriter {
  const message = new MessageWriter()
  for (const node of nodes) message.message(1, encodeNode(node))
  message.text(2, name)
  for (const [key, tensor] of initializers) message.message(5, encodeTensor(tensor, key))
  for (const input of inputs) message.message(11, encodeValueInfo(input))
  for (const output of outputs) message.message(12, encodeValueInfo(output))
  for (const value of values) message.message(13, encodeValueInfo(value))
  return message
}

function encodeNode({ name, domain, op, overload, inputs, outputs, attributes }: OnnxNode): MessageWriter {
  const message = new MessageWriter()
  for (const input of inputs) message.text(1, input)
  for (const output of outputs) message.text(2, output)
  if (name !== '') message.text(3, name)
  message.text(4, op)
  writeAttributes(message, 5, attributes)
  if (domain !== '') message.text(7, domain)
  if (overload !== undefined) message.text(8, overload)
  return message
}

function encodeFunction(f: OnnxFunction): MessageWriter {
  const message = new MessageWriter().text(1, f.name)
  for (const input of f.inputs) message.text(4, input)
  for (const output of f.outputs) message.text(5, output)
  for (const attribute of f.attributes) message.text(6, attribute)
  for (const node of f.nodes) message.message(7, encodeNode(node))
  writeOpsets(message, 9, f.opsets)
  message.text(10, f.domain)
  writeAttributes(message, 11, f.defaults)
  if (f.overload !== undefined) message.text(13, f.overload)
  return message
}

function writeAttributes(message: MessageWriter, field: number, attributes: Readonly<Record<string, OnnxAttribute>>): void {
  for (const [name, attribute] of Object.entries(attributes)) message.message(field, encodeAttribute(name, attribute, encodeGraph))
}

function writeOpsets(message: MessageWriter, field: number, opsets: ReadonlyMap<string, number>): void {
  for (const [domain, version] of opsets) message.message(field, new MessageWriter().text(1, domain).int(2, version))
}
