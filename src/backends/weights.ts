import { HenceError } from '../core/index.ts'
import { dequantize, isWeightType, type StoredTensor, storageBytes, type WeightType } from '../formats/index.ts'
import { type Buffer, formatSource, rowAxis, sourceShape, sourceTensors } from '../program/index.ts'
import type { WeightProvider } from './backend.ts'

/** A weight buffer of a program matched with the checkpoint tensors it comes from. */
export interface ResolvedWeight {
  readonly buffer: Buffer
  /** The weight as a matrix of `n` rows of `k`; a vector is one row, stacked matrices follow each other. */
  readonly n: number
  readonly k: number
  readonly tensors: readonly StoredTensor[]
  readonly rows: RowLayout
}

/** How the rows of a weight lie in its tensors. */
interface RowLayout {
  /** Rows of one matrix that belong to the weight: of each period of `every` those from `begin` to `end`. */
  readonly perMatrix: number
  readonly begin: number
  readonly end: number
  readonly every: number
  /** Matrices of one tensor. */
  readonly matrices: number
  /** Rows of a matrix in the file, once transposed. */
  readonly height: number
  /** Numbers of a row. */
  readonly width: number
  /** Numbers of a row lie apart in the file. */
  readonly isTransposed: boolean
}

/**
 * Finds the tensors of a weight and checks their shapes.
 *
 * @throws HenceError `TENSOR_MISSING`, `TENSOR_MISMATCH`
 */
export function resolveWeight(buffer: Buffer, weights: WeightProvider): ResolvedWeight {
  const { source, name } = buffer
  if (!source) throw new HenceError('PROGRAM_INVALID', `weight ${name} has no source`)
  const shape = buffer.shape as readonly number[]
  const tensors = sourceTensors(source).map(tensor => {
    const found = weights.tensors.get(tensor)
    if (!found) throw new HenceError('TENSOR_MISSING', `the checkpoint has no tensor "${tensor}"`, { tensor })
    return found
  })
  const turned = [...tensors[0]!.shape]
  if (source.transpose) turned.push(...turned.splice(-2).reverse())
  const height = turned[rowAxis(source, turned.length)] ?? 1
  const wanted = sourceShape(source, shape, height)
  const elements = shape.reduce((product, size) => product * size, 1)
  for (const tensor of tensors) {
    const isSame = tensor.shape.length === wanted.length && tensor.shape.every((size, axis) => size === wanted[axis])
    if (isSame && (source.rows?.[1] ?? 0) <= (source.every ?? height)) continue
    throw new HenceError(
      'TENSOR_MISMATCH',
      `tensor "${tensor.name}" has shape [${tensor.shape.join(', ')}], the configuration calls for [${wanted.join(', ')}] and of it ${formatSource(source)}`,
      { tensor: tensor.name, stored: tensor.shape, wanted, ...(source.rows ? { rows: source.rows } : {}) },
    )
  }
  const rows = rowLayout(buffer, turned, height)
  if (tensors.length * rows.matrices * rows.perMatrix * rows.width !== elements)
    throw new HenceError(
      'PROGRAM_INVALID',
      `weight ${name} of shape [${shape.join(', ')}] cannot be seen in [${tensors[0]!.shape.join(', ')}]`,
      { weight: name, shape, stored: tensors[0]!.shape },
    )
  const k = shape.at(-1) ?? 1
  return { buffer, tensors, n: elements / k, k, rows }
}

function rowLayout({ source, shape }: Buffer, turned: readonly number[], height: number): RowLayout {
  const { rows, every = height, transpose: isTransposed = false } = source!
  const axis = rowAxis(source!, turned.length)
  const elements = turned.reduce((product, size) => product * size, 1)
  if (!rows && !isTransposed) {
    // All of it, one after the other: rows may be as wide as the program sees them.
    const width = (shape.at(-1) as number | undefined) ?? 1
    const count = elements / width
    return { perMatrix: count, begin: 0, end: count, every: count, matrices: 1, height: count, width, isTransposed }
  }
  const [begin, end] = rows ?? [0, height]
  const width = axis === turned.length - 1 ? 1 : turned.at(-1)!
  const matrices = elements / (height * width)
  return { perMatrix: Math.floor(height / every) * (end - begin), begin, end, every, matrices, height, width, isTransposed }
}

/** The storage type in which {@link readStoredRows} gives whole rows; undefined where only {@link readWeightRows} can read them. */
export function storedRowType({ buffer, tensors, k, rows }: ResolvedWeight): WeightType | undefined {
  const { type } = tensors[0]!
  if (rows.isTransposed || rows.width !== k || buffer.source!.add || !isWeightType(type)) return undefined
  return tensors.every(tensor => tensor.type === type) ? type : undefined
}

/** The tensor that a weight is the whole of, in the order of the file or transposed; undefined where there is more to it. */
export function wholeTensor({ buffer, tensors, n, rows }: ResolvedWeight): { tensor: StoredTensor; isTransposed: boolean } | undefined {
  const { isTransposed, perMatrix, matrices } = rows
  const isWhole =
    tensors.length === 1 && !buffer.source!.rows && !buffer.source!.add && (!isTransposed || (matrices === 1 && perMatrix === n))
  return isWhole ? { tensor: tensors[0]!, isTransposed } : undefined
}

/** Rows `[begin, end)` of a resolved weight as the file stores them. */
export async function readStoredRows(weight: ResolvedWeight, begin: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (const piece of piecesOf(weight, begin, end)) parts.push(await storedRows(weight, piece, signal))
  if (parts.length === 1) return parts[0]!
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}

/** Rows `[begin, end)` of a resolved weight as f32, row-major. */
export async function readWeightRows(weight: ResolvedWeight, begin: number, end: number, signal?: AbortSignal): Promise<Float32Array> {
  const { k, rows, tensors, buffer } = weight
  if (rows.width !== k) {
    const all = await readRows(weight, 0, tensors.length * rows.matrices * rows.perMatrix, buffer.source!.add, signal)
    return all.subarray(begin * k, end * k)
  }
  return readRows(weight, begin, end, buffer.source!.add, signal)
}

async function readRows(weight: ResolvedWeight, begin: number, end: number, add: number | undefined, signal?: AbortSignal) {
  const { width } = weight.rows
  const values = new Float32Array((end - begin) * width)
  let at = 0
  for (const piece of piecesOf(weight, begin, end)) {
    const part = await floatRows(weight, piece, signal)
    if (part.length === values.length && !add) return part
    values.set(part, at)
    at += part.length
  }
  if (add) for (let i = 0; i < values.length; i++) values[i]! += add
  return values
}

/** Rows of one matrix: its `first` to `first + count` among those chosen. */
interface Piece {
  readonly tensor: StoredTensor
  readonly matrix: number
  readonly first: number
  readonly count: number
}

/** Rows `[begin, end)` of a weight, matrix by matrix. */
function* piecesOf({ tensors, rows: { perMatrix, matrices } }: ResolvedWeight, begin: number, end: number): Generator<Piece> {
  for (let at = begin; at < end; ) {
    const matrix = Math.floor(at / perMatrix)
    const first = at % perMatrix
    const count = Math.min(end - at, perMatrix - first)
    yield { tensor: tensors[Math.floor(matrix / matrices)]!, matrix: matrix % matrices, first, count }
    at += count
  }
}

/** The row of a file's matrix that is the i-th chosen one. */
function fileRow({ begin, end, every }: RowLayout, i: number): number {
  const taken = end - begin
  return Math.floor(i / taken) * every + begin + (i % taken)
}

/** A piece as the file stores it: the span of rows around the chosen ones, without those between. */
async function storedRows({ rows }: ResolvedWeight, { tensor, matrix, first, count }: Piece, signal?: AbortSignal): Promise<Uint8Array> {
  const rowBytes = storageBytes(tensor.type, rows.width)
  const from = fileRow(rows, first)
  const span = fileRow(rows, first + count - 1) + 1 - from
  const bytes = await tensor.read((matrix * rows.height + from) * rowBytes, span * rowBytes, signal)
  if (span === count) return bytes
  const chosen = new Uint8Array(count * rowBytes)
  for (let i = 0; i < count; i++) {
    const at = (fileRow(rows, first + i) - from) * rowBytes
    chosen.set(bytes.subarray(at, at + rowBytes), i * rowBytes)
  }
  return chosen
}

async function floatRows(weight: ResolvedWeight, piece: Piece, signal?: AbortSignal): Promise<Float32Array> {
  const { rows } = weight
  const { tensor, matrix, first, count } = piece
  const { width, height } = rows
  if (!rows.isTransposed && width > 1) return dequantize(tensor.type, await storedRows(weight, piece, signal), count * width)
  const size = height * width
  const bytes = storageBytes(tensor.type, size)
  const all = dequantize(tensor.type, await tensor.read(matrix * bytes, bytes, signal), size)
  const [rowStep, numberStep] = rows.isTransposed ? [1, height] : [width, 1]
  const values = new Float32Array(count * width)
  for (let r = 0; r < count; r++) {
    const at = fileRow(rows, first + r) * rowStep
    for (let i = 0; i < width; i++) values[r * width + i] = all[at + i * numberStep]!
  }
  return values
}
