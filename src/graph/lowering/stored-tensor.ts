import { elementCount, HenceError } from '../../core/index.ts'
import { type StorageType, type StoredTensor, storageBytes } from '../../formats/index.ts'
import type { GraphTensor } from '../operator.ts'

const STORED_AS: Readonly<Record<string, StorageType>> = { f32: 'f32', f16: 'f16', bf16: 'bf16' }

/** A tensor as backends read the tensors of a checkpoint, under a shape of as many elements; its numbers are not looked at before. */
export function storedTensor(name: string, tensor: GraphTensor, shape: readonly number[]): StoredTensor {
  const type = STORED_AS[tensor.dtype]
  if (!type) throw new HenceError('PROGRAM_INVALID', `a weight cannot be of type ${tensor.dtype}`, { tensor: name })
  return storedBytes(name, type, shape, () => tensor.data as Float32Array)
}

/** Numbers of any encoding as backends read the tensors of a checkpoint; made when they are first read. */
export function storedBytes(name: string, type: StorageType, shape: readonly number[], make: () => ArrayBufferView): StoredTensor {
  const total = storageBytes(type, elementCount(shape))
  let bytes: Uint8Array | undefined
  return {
    name,
    type,
    shape,
    byteLength: total,
    read: async (byteOffset = 0, byteLength = total - byteOffset) => {
      bytes ??= bytesOf(make())
      return bytes.subarray(byteOffset, byteOffset + byteLength)
    },
  }
}

/** The bytes that a view sees: the buffer below it may hold more. */
function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
