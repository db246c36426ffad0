import type { WeightProvider } from '../src/backends/index.ts'
import { quantize, type StorageType, type StoredTensor } from '../src/formats/index.ts'

/** A tensor of {@link memoryWeights}: f32 numbers and how a file would store them. */
export interface MemoryTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
  readonly type?: StorageType
}

/** Weights held in memory, stored as a checkpoint would store them. */
export function memoryWeights(tensors: Readonly<Record<string, MemoryTensor>>): WeightProvider {
  const stored = Object.entries(tensors).map(([name, { shape, data, type = 'f32' }]): [string, StoredTensor] => {
    const bytes = quantize(type, data)
    return [
      name,
      {
        name,
        type,
        shape,
        byteLength: bytes.byteLength,
        read: async (offset = 0, length = bytes.byteLength - offset) => bytes.slice(offset, offset + length),
      },
    ]
  })
  return { tensors: new Map(stored), files: [] }
}
