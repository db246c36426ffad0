/** ONNX files for tests, built by hand. Source of the field numbers: onnx.proto. */
import { elementCount } from '../src/core/index.ts'
import { bytes, float, int, packedInts, raw } from './protobuf-writer.ts'

/** A tensor with its elements in raw form. */
export interface TensorInput {
  readonly name: string
  /** Number of the element type: 1 is f32, 7 i64. */
  readonly code: number
  readonly shape: readonly number[]
  readonly data: ArrayBufferView
}

/** A TensorProto in raw form. */
export function tensorProto({ name, code, shape, data }: TensorInput): Uint8Array {
  return Buffer.concat([...shape.map(size => int(1, size)), int(2, code), bytes(8, name), raw(9, data)])
}

/** A TensorProto whose elements lie in another file. */
export function externalTensorProto(
  name: string,
  code: number,
  shape: readonly number[],
  entries: Readonly<Record<string, string>>,
): Uint8Array {
  const external = Object.entries(entries).map(([key, value]) => bytes(13, [bytes(1, key), bytes(2, value)]))
  return Buffer.concat([...shape.map(size => int(1, size)), int(2, code), bytes(8, name), ...external, int(14, 1)])
}

/** The value of an attribute; a number is a float, a bigint an integer. */
export type AttributeInput = number | bigint | string | readonly number[] | readonly bigint[] | readonly string[]

/** An AttributeProto. */
export function attributeProto(name: string, value: AttributeInput): Uint8Array {
  const field = bytes(1, name)
  if (typeof value === 'number') return Buffer.concat([field, float(2, value), int(20, 1)])
  if (typeof value === 'bigint') return Buffer.concat([field, int(3, value), int(20, 2)])
  if (typeof value === 'string') return Buffer.concat([field, bytes(4, value), int(20, 3)])
  if (typeof value[0] === 'string') return Buffer.concat([field, ...(value as string[]).map(text => bytes(9, text)), int(20, 8)])
  if (typeof value[0] === 'bigint') return Buffer.concat([field, packedInts(8, value as bigint[]), int(20, 7)])
  return Buffer.concat([field, raw(7, Float32Array.from(value as number[])), int(20, 6)])
}

/** A node and what it reads and writes. */
export interface NodeInput {
  readonly op: string
  readonly inputs?: readonly string[]
  readonly outputs?: readonly string[]
  readonly name?: string
  readonly domain?: string
  /** AttributeProtos. */
  readonly attributes?: readonly Uint8Array[]
}

/** A NodeProto. */
export function nodeProto({ op, inputs = [], outputs = [], name = '', domain = '', attributes = [] }: NodeInput): Uint8Array {
  return Buffer.concat([
    ...inputs.map(input => bytes(1, input)),
    ...outputs.map(output => bytes(2, output)),
    bytes(3, name),
    bytes(4, op),
    ...attributes.map(attribute => bytes(5, attribute)),
    bytes(7, domain),
  ])
}

/** A TypeProto of a tensor; a name or a number for each size, `undefined` for one unknown. */
export function tensorType(code: number, shape?: readonly (number | string | undefined)[]): Uint8Array {
  const dims = shape?.map(dim => bytes(1, dim === undefined ? [] : [typeof dim === 'number' ? int(1, dim) : bytes(2, dim)]))
  return bytes(1, [int(1, code), ...(dims ? [bytes(2, dims)] : [])])
}

/** A ValueInfoProto. */
export function valueInfo(name: string, type?: Uint8Array): Uint8Array {
  return Buffer.concat([bytes(1, name), ...(type ? [bytes(2, type)] : [])])
}

/** The parts of a graph, each already encoded. */
export interface GraphInput {
  readonly name?: string
  readonly nodes?: readonly Uint8Array[]
  readonly initializers?: readonly Uint8Array[]
  readonly sparseInitializers?: readonly Uint8Array[]
  readonly inputs?: readonly Uint8Array[]
  readonly outputs?: readonly Uint8Array[]
  readonly values?: readonly Uint8Array[]
}

/** A GraphProto. */
export function graphProto(graph: GraphInput): Uint8Array {
  const { name = 'g', nodes = [], initializers = [], sparseInitializers = [], inputs = [], outputs = [], values = [] } = graph
  return Buffer.concat([
    ...nodes.map(node => bytes(1, node)),
    bytes(2, name),
    ...initializers.map(tensor => bytes(5, tensor)),
    ...inputs.map(input => bytes(11, input)),
    ...outputs.map(output => bytes(12, output)),
    ...values.map(value => bytes(13, value)),
    ...sparseInitializers.map(tensor => bytes(15, tensor)),
  ])
}

/** What a model has besides its graph. */
export interface ModelInput {
  readonly irVersion?: number
  readonly graph: Uint8Array
  readonly opsets?: Readonly<Record<string, number>>
  /** FunctionProtos. */
  readonly functions?: readonly Uint8Array[]
  readonly metadata?: Readonly<Record<string, string>>
}

/** A ModelProto. */
export function modelProto({ irVersion = 10, graph, opsets = { '': 21 }, functions = [], metadata = {} }: ModelInput): Uint8Array {
  return Buffer.concat([
    int(1, irVersion),
    bytes(2, 'hence-test'),
    bytes(7, graph),
    ...Object.entries(metadata).map(([key, value]) => bytes(14, [bytes(1, key), bytes(2, value)])),
    ...functions.map(f => bytes(25, f)),
    ...Object.entries(opsets).map(([domain, version]) => bytes(8, [bytes(1, domain), int(2, version)])),
  ])
}

/** A model that adds an initializer of `shape` to its input: the smallest that runs. */
export function addModel(shape: readonly number[], data: Float32Array = new Float32Array(elementCount(shape))): Uint8Array {
  return modelProto({
    graph: graphProto({
      nodes: [nodeProto({ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] })],
      initializers: [tensorProto({ name: 'w', code: 1, shape, data })],
      inputs: [valueInfo('x', tensorType(1, shape))],
      outputs: [valueInfo('y', tensorType(1, shape))],
    }),
  })
}
