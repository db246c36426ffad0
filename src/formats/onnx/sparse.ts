import { allocate } from '../../core/index.ts'
import { checkedElementCount } from '../extents.ts'
import type { MessageReader } from '../protobuf/message-reader.ts'
import type { OnnxSparseTensor, OnnxTensor } from './model.ts'
import type { OnnxSource } from './onnx-source.ts'
import { type NamedTensor, readTensor } from './tensor.ts'
import { entryCount } from './tensor-elements.ts'

/** Hence's own: elements of all the sparse initializers of a file once they are dense. */
const MAX_DENSE_ELEMENTS = 2 ** 28

/** A sparse tensor and the name its values have in the file. */
export interface NamedSparseTensor {
  readonly name: string
  readonly sparse: OnnxSparseTensor
}

/** Reads a SparseTensorProto and checks its indices. */
export function readSparseTensor(source: OnnxSource, reader: MessageReader): NamedSparseTensor {
  let values: NamedTensor | undefined
  let indices: NamedTensor | undefined
  const shape: number[] = []
  const externalBefore = source.external.length
  while (reader.next()) {
    if (reader.field === 1) values = readTensor(source, reader.message('values of a sparse tensor'))
    else if (reader.field === 2) indices = readTensor(source, reader.message('indices of a sparse tensor'))
    else if (reader.field === 3) reader.pushInts(shape)
  }
  if (values === undefined || indices === undefined) throw reader.malformed('values or indices are missing')
  const { name } = values
  const what = `sparse tensor "${name}"`
  if (source.external.length > externalBefore)
    throw source.error('FORMAT_UNSUPPORTED', reader.fieldStart, `${what}: Hence reads sparse tensors only from the model's own file`, {})
  if (shape.some(size => size < 0)) throw reader.malformed(`${what}: shape [${shape.join(', ')}] has a negative size`)
  checkedElementCount(source.name, name, shape)
  const sparse = { values: values.tensor, indices: indices.tensor, shape }
  const problem = checkIndices(sparse)
  if (problem !== undefined) throw reader.malformed(`${what}: ${problem}`)
  return { name, sparse }
}

function checkIndices({ values, indices, shape }: OnnxSparseTensor): string | undefined {
  const count = values.shape[0] ?? 1
  if (values.shape.length > 1) return `its values have ${values.shape.length} dimensions, expected 1`
  if (indices.dtype !== 'i64') return `its indices are ${indices.dtype}, expected i64`
  const perValue = indices.shape.length === 2 ? shape.length : 1
  if (indices.shape[0] !== count || (indices.shape.length === 2 ? indices.shape[1] !== shape.length : indices.shape.length !== 1))
    return `its indices have shape [${indices.shape.join(', ')}], expected [${count}] or [${count}, ${shape.length}]`
  const sizes = perValue === 1 && indices.shape.length === 1 ? [shape.reduce((a, b) => a * b, 1)] : shape
  const data = indices.data as BigInt64Array
  for (let i = 0; i < data.length; i++) {
    const index = data[i]!
    const size = sizes[i % sizes.length]!
    if (index < 0n || index >= BigInt(size)) return `index ${index} is outside an axis of size ${size}`
  }
  return undefined
}

/** The same tensor with its zeros. */
export function densify(source: OnnxSource, reader: MessageReader, { name, sparse }: NamedSparseTensor): OnnxTensor {
  const { values, indices, shape } = sparse
  const elements = shape.reduce((a, b) => a * b, 1)
  source.denseElements += elements
  if (source.denseElements > MAX_DENSE_ELEMENTS)
    throw reader.limit(`sparse tensor "${name}": dense, it has ${elements} elements; a file may have ${MAX_DENSE_ELEMENTS} of those`)
  const width = entryCount(values.dtype, 1)
  const data = allocate(values.dtype, elements * width)
  const from = values.data
  const positions = indices.data as BigInt64Array
  const rank = indices.shape.length === 2 ? shape.length : 0
  const count = values.shape[0] ?? 1
  for (let i = 0; i < count; i++) {
    let at = 0
    if (rank === 0) at = Number(positions[i])
    else for (let axis = 0; axis < rank; axis++) at = at * shape[axis]! + Number(positions[i * rank + axis])
    for (let k = 0; k < width; k++) data[at * width + k] = from[i * width + k]!
  }
  return { dtype: values.dtype, shape, data }
}
