import { HenceError } from '../core/index.ts'
import { dequantize, type StoredTensor } from '../formats/index.ts'
import type { Buffer } from '../program/index.ts'
import type { WeightProvider } from './backend.ts'

/** A weight buffer of a program matched with the checkpoint tensor it comes from. */
export interface ResolvedWeight {
  readonly buffer: Buffer
  readonly tensor: StoredTensor
  /** The weight as a matrix of `n` rows of `k`; a vector is one row, stacked matrices follow each other. */
  readonly n: number
  readonly k: number
  /** First row of the tensor that belongs to the weight. */
  readonly firstRow: number
  readonly transpose: boolean
}

/**
 * Finds the tensor of a weight and checks its shape.
 *
 * @throws HenceError `TENSOR_MISSING`, `TENSOR_MISMATCH`
 */
export function resolveWeight(buffer: Buffer, weights: WeightProvider): ResolvedWeight {
  const { source, name } = buffer
  if (!source) throw new HenceError('PROGRAM_INVALID', `weight ${name} has no source`)
  const tensor = weights.tensors.get(source.tensor)
  if (!tensor) throw new HenceError('TENSOR_MISSING', `the checkpoint has no tensor "${source.tensor}"`, { tensor: source.tensor })
  const wanted = buffer.shape as readonly number[]
  const stored = source.transpose ? [...tensor.shape].reverse() : tensor.shape
  const [begin, end] = source.rows ?? [0, stored[0] ?? 1]
  const part = [end - begin, ...stored.slice(1)]
  if (part.length !== wanted.length || part.some((size, axis) => size !== wanted[axis]) || end > (stored[0] ?? 1))
    throw new HenceError(
      'TENSOR_MISMATCH',
      `tensor "${source.tensor}" has shape [${tensor.shape.join(', ')}], the configuration calls for [${wanted.join(', ')}]`,
      {
        tensor: source.tensor,
        stored: tensor.shape,
        wanted,
        ...(source.rows ? { rows: source.rows } : {}),
      },
    )
  const k = wanted.at(-1) ?? 1
  const n = wanted.slice(0, -1).reduce((product, size) => product * size, 1)
  // Rows of a vector are its elements.
  return { buffer, tensor, n, k, firstRow: begin, transpose: source.transpose ?? false }
}

/** Rows `[begin, end)` of a resolved weight as f32, row-major. */
export async function readWeightRows(weight: ResolvedWeight, begin: number, end: number, signal?: AbortSignal): Promise<Float32Array> {
  const { tensor, k, transpose } = weight
  if (transpose) return transposedRows(weight, begin, end, signal)
  const elements = tensor.shape.reduce((product, size) => product * size, 1)
  const isVector = tensor.shape.length === 1
  const offset = isVector ? weight.firstRow : (weight.firstRow + begin) * k
  const count = (end - begin) * k
  const bytesPer = tensor.byteLength / elements
  return dequantize(tensor.type, await tensor.read(offset * bytesPer, count * bytesPer, signal), count)
}

async function transposedRows(
  { tensor, k, firstRow }: ResolvedWeight,
  begin: number,
  end: number,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const columns = tensor.shape[1]!
  const all = dequantize(tensor.type, await tensor.read(0, tensor.byteLength, signal), k * columns)
  const rows = new Float32Array((end - begin) * k)
  for (let r = begin; r < end; r++) for (let i = 0; i < k; i++) rows[(r - begin) * k + i] = all[i * columns + firstRow + r]!
  return rows
}
