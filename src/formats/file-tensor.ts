import { elementCount, HenceError } from '../core/index.ts'
import type { ByteFile } from './byte-file.ts'
import type { StoredTensor } from './checkpoint.ts'
import { dequantize } from './quantization/dequantize.ts'
import { STORAGE_TYPES, type StorageType, storageBytes } from './storage-types.ts'

/** A tensor at a place in a file; the caller has checked that the place lies inside it. */
export function fileTensor(file: ByteFile, name: string, type: StorageType, shape: readonly number[], offset: number): StoredTensor {
  const total = storageBytes(type, elementCount(shape))
  return {
    name,
    type,
    shape,
    byteLength: total,
    async read(byteOffset = 0, byteLength = total - byteOffset, signal?: AbortSignal): Promise<Uint8Array> {
      if (
        !(
          Number.isSafeInteger(byteOffset) &&
          Number.isSafeInteger(byteLength) &&
          byteOffset >= 0 &&
          byteLength >= 0 &&
          byteOffset + byteLength <= total
        )
      )
        throw new HenceError(
          'OPTION_INVALID',
          `tensor "${name}": offset ${byteOffset} + ${byteLength} bytes is outside its ${total} bytes`,
          {
            tensor: name,
            byteOffset,
            byteLength,
            total,
          },
        )
      return file.read(offset + byteOffset, byteLength, signal)
    },
  }
}

/** Bytes of a tensor held at once while it is widened. */
const PIECE_BYTES = 16 * 2 ** 20

/**
 * All of a tensor as single-precision numbers, read in pieces.
 *
 * @returns the elements in row-major order
 * @throws HenceError as {@link StoredTensor.read}
 */
export async function readFloat32(tensor: StoredTensor, signal?: AbortSignal): Promise<Float32Array> {
  const { blockElements, blockBytes } = STORAGE_TYPES[tensor.type]
  const values = allocateFloat32(tensor)
  const blocksPerPiece = Math.max(1, Math.floor(PIECE_BYTES / blockBytes))
  const blocks = tensor.byteLength / blockBytes
  for (let block = 0; block < blocks; block += blocksPerPiece) {
    const count = Math.min(blocksPerPiece, blocks - block)
    const bytes = await tensor.read(block * blockBytes, count * blockBytes, signal)
    dequantize(tensor.type, bytes, count * blockElements, values.subarray(block * blockElements, (block + count) * blockElements))
  }
  return values
}

function allocateFloat32(tensor: StoredTensor): Float32Array {
  const count = elementCount(tensor.shape)
  try {
    return new Float32Array(count)
  } catch (cause) {
    throw new HenceError('OUT_OF_MEMORY', `tensor "${tensor.name}": no memory for ${count} numbers of 4 bytes`, {
      tensor: tensor.name,
      elements: count,
      cause,
    })
  }
}
