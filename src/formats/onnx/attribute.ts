import type { MessageReader } from '../protobuf/message-reader.ts'
import type { OnnxAttribute, OnnxGraph, OnnxSparseTensor, OnnxTensor, OnnxType } from './model.ts'
import type { OnnxSource } from './onnx-source.ts'
import { readSparseTensor } from './sparse.ts'
import { readTensor } from './tensor.ts'
import { readType } from './types.ts'

/** Reads a GraphProto that is the value of an attribute. */
export type ReadGraph = (reader: MessageReader) => OnnxGraph

/** By the number in a file. Source: onnx.proto, AttributeProto.AttributeType. */
const KINDS = [
  undefined,
  'float',
  'int',
  'string',
  'tensor',
  'graph',
  'floats',
  'ints',
  'strings',
  'tensors',
  'graphs',
  'sparse-tensor',
  'sparse-tensors',
  'value-type',
  'value-types',
] as const

type Kind = Exclude<(typeof KINDS)[number], undefined>

/** Every value field of an AttributeProto. */
class Fields {
  float: number | undefined
  int: number | undefined
  string: string | undefined
  tensor: OnnxTensor | undefined
  graph: OnnxGraph | undefined
  sparse: OnnxSparseTensor | undefined
  valueType: OnnxType | undefined
  readonly floats: number[] = []
  readonly ints: number[] = []
  readonly strings: string[] = []
  readonly tensors: OnnxTensor[] = []
  readonly graphs: OnnxGraph[] = []
  readonly sparses: OnnxSparseTensor[] = []
  readonly valueTypes: OnnxType[] = []
}

/** Reads an AttributeProto; the value is undefined when the file gives neither a type nor a value. */
export function readAttribute(
  source: OnnxSource,
  reader: MessageReader,
  readGraph: ReadGraph,
): { readonly name: string; readonly attribute: OnnxAttribute | undefined } {
  let name = ''
  let reference = ''
  let code = 0
  const fields = new Fields()
  while (reader.next()) {
    if (reader.field === 1) name = reader.name()
    else if (reader.field === 20) code = reader.int32()
    else if (reader.field === 21) reference = reader.name()
    else readValueField(source, reader, fields, readGraph)
  }
  if (name === '') throw reader.malformed('an attribute without a name')
  if (reference !== '') return { name, attribute: { type: 'reference', value: reference } }
  const kind = code === 0 ? kindOf(fields) : KINDS[code]
  if (kind === undefined && code !== 0) throw reader.malformed(`attribute "${name}": ${code} is not a type of attributes`, { code })
  return { name, attribute: kind && attributeOf(reader, name, kind, fields) }
}

function readValueField(source: OnnxSource, reader: MessageReader, fields: Fields, readGraph: ReadGraph): void {
  switch (reader.field) {
    case 2:
      fields.float = reader.float()
      break
    case 3:
      fields.int = reader.int()
      break
    case 4:
      fields.string = reader.text()
      break
    case 5:
      fields.tensor = readTensor(source, reader.message('tensor')).tensor
      break
    case 6:
      fields.graph = readGraph(reader.message('graph'))
      break
    case 7:
      reader.pushFloats(fields.floats)
      break
    case 8:
      reader.pushInts(fields.ints)
      break
    case 9:
      fields.strings.push(reader.text())
      break
    case 10:
      fields.tensors.push(readTensor(source, reader.message('tensor')).tensor)
      break
    case 11:
      fields.graphs.push(readGraph(reader.message('graph')))
      break
    case 14:
      fields.valueType = readType(reader.message('type'))
      break
    case 15: {
      const type = readType(reader.message('type'))
      if (type) fields.valueTypes.push(type)
      break
    }
    case 22:
      fields.sparse = readSparseTensor(source, reader.message('sparse tensor')).sparse
      break
    case 23:
      fields.sparses.push(readSparseTensor(source, reader.message('sparse tensor')).sparse)
      break
  }
}

/** Files of the first version do not state the type: the field that is there tells. */
function kindOf(fields: Fields): Kind | undefined {
  if (fields.float !== undefined) return 'float'
  if (fields.int !== undefined) return 'int'
  if (fields.string !== undefined) return 'string'
  if (fields.tensor) return 'tensor'
  if (fields.graph) return 'graph'
  if (fields.sparse) return 'sparse-tensor'
  if (fields.valueType) return 'value-type'
  if (fields.floats.length > 0) return 'floats'
  if (fields.ints.length > 0) return 'ints'
  if (fields.strings.length > 0) return 'strings'
  if (fields.tensors.length > 0) return 'tensors'
  return fields.graphs.length > 0 ? 'graphs' : undefined
}

function attributeOf(reader: MessageReader, name: string, kind: Kind, fields: Fields): OnnxAttribute {
  const present = <T>(value: T | undefined): T => {
    if (value === undefined) throw reader.malformed(`attribute "${name}" is of type ${kind} and has no value`)
    return value
  }
  switch (kind) {
    // Some writers leave out numbers that are zero and strings that are empty.
    case 'float':
      return { type: kind, value: fields.float ?? 0 }
    case 'int':
      return { type: kind, value: fields.int ?? 0 }
    case 'string':
      return { type: kind, value: fields.string ?? '' }
    case 'tensor':
      return { type: kind, value: present(fields.tensor) }
    case 'graph':
      return { type: kind, value: present(fields.graph) }
    case 'sparse-tensor':
      return { type: kind, value: present(fields.sparse) }
    case 'value-type':
      return { type: kind, value: present(fields.valueType) }
    case 'floats':
      return { type: kind, value: fields.floats }
    case 'ints':
      return { type: kind, value: fields.ints }
    case 'strings':
      return { type: kind, value: fields.strings }
    case 'tensors':
      return { type: kind, value: fields.tensors }
    case 'graphs':
      return { type: kind, value: fields.graphs }
    case 'sparse-tensors':
      return { type: kind, value: fields.sparses }
    case 'value-types':
      return { type: kind, value: fields.valueTypes }
  }
}
