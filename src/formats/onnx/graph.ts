import type { MessageReader } from '../protobuf/message-reader.ts'
import { readAttribute } from './attribute.ts'
import type { OnnxAttribute, OnnxFunction, OnnxGraph, OnnxNode, OnnxTensor, OnnxValueInfo } from './model.ts'
import type { OnnxSource } from './onnx-source.ts'
import { normalizeDomain, readOpset } from './opsets.ts'
import { densify, readSparseTensor } from './sparse.ts'
import { readTensor } from './tensor.ts'
import { readValueInfo } from './types.ts'

/** Reads a GraphProto. */
export function readGraph(source: OnnxSource, reader: MessageReader): OnnxGraph {
  let name = ''
  const nodes: OnnxNode[] = []
  const inputs: OnnxValueInfo[] = []
  const outputs: OnnxValueInfo[] = []
  const values: OnnxValueInfo[] = []
  const initializers = new Map<string, OnnxTensor>()
  const addInitializer = (key: string, tensor: OnnxTensor): void => {
    if (key === '') throw reader.malformed('an initializer without a name')
    if (initializers.has(key)) throw reader.malformed(`the initializer "${key}" appears twice`, { tensor: key })
    initializers.set(key, tensor)
  }
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        nodes.push(readNode(source, reader.message('node')))
        break
      case 2:
        name = reader.text()
        break
      case 5: {
        const named = readTensor(source, reader.message('initializer'))
        addInitializer(named.name, named.tensor)
        break
      }
      case 15: {
        const named = readSparseTensor(source, reader.message('sparse initializer'))
        addInitializer(named.name, densify(source, reader, named))
        break
      }
      case 11:
        inputs.push(readValueInfo(reader.message('input')))
        break
      case 12:
        outputs.push(readValueInfo(reader.message('output')))
        break
      case 13:
        values.push(readValueInfo(reader.message('value')))
        break
    }
  }
  const defaults = inputs.filter(input => initializers.has(input.name))
  return {
    name,
    nodes,
    inputs: inputs.filter(input => !initializers.has(input.name)),
    ...(defaults.length > 0 ? { defaults } : {}),
    outputs,
    values,
    initializers,
  }
}

function readNode(source: OnnxSource, reader: MessageReader): OnnxNode {
  let name = ''
  let domain = ''
  let op = ''
  let overload = ''
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes = emptyAttributes()
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        inputs.push(reader.name())
        break
      case 2:
        outputs.push(reader.name())
        break
      case 3:
        name = reader.name()
        break
      case 4:
        op = reader.name()
        break
      case 5:
        addAttribute(source, reader, attributes)
        break
      case 7:
        domain = normalizeDomain(reader.name())
        break
      case 8:
        overload = reader.name()
        break
    }
  }
  if (op === '') throw reader.malformed(`node "${name}" has no operator`)
  return { name, domain, op, ...(overload === '' ? {} : { overload }), inputs, outputs, attributes }
}

/** Without a prototype, so that no attribute is found that the file does not have. */
function emptyAttributes(): Record<string, OnnxAttribute> {
  return Object.create(null) as Record<string, OnnxAttribute>
}

function addAttribute(source: OnnxSource, reader: MessageReader, attributes: Record<string, OnnxAttribute>): void {
  const { name, attribute } = readAttribute(source, reader.message('attribute'), graph => readGraph(source, graph))
  if (name in attributes) throw reader.malformed(`the attribute "${name}" appears twice`, { attribute: name })
  if (attribute) attributes[name] = attribute
}

/** Reads a FunctionProto. */
export function readFunction(source: OnnxSource, reader: MessageReader): OnnxFunction {
  let name = ''
  let domain = ''
  let overload = ''
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes: string[] = []
  const defaults = emptyAttributes()
  const nodes: OnnxNode[] = []
  const opsets = new Map<string, number>()
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        name = reader.name()
        break
      case 4:
        inputs.push(reader.name())
        break
      case 5:
        outputs.push(reader.name())
        break
      case 6:
        attributes.push(reader.name())
        break
      case 7:
        nodes.push(readNode(source, reader.message('node')))
        break
      case 9:
        readOpset(reader.message('operator set'), opsets)
        break
      case 10:
        domain = normalizeDomain(reader.name())
        break
      case 11:
        addAttribute(source, reader, defaults)
        break
      case 13:
        overload = reader.name()
        break
    }
  }
  if (name === '') throw reader.malformed('a function without a name')
  return { domain, name, ...(overload === '' ? {} : { overload }), inputs, outputs, attributes, defaults, nodes, opsets }
}
