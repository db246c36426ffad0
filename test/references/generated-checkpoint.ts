import { HenceError } from '../../src/core/index.ts'
import type { Checkpoint, StoredTensor } from '../../src/formats/index.ts'
import { elementCount, fillTensor, type Recipe, type RecipeTensor } from './recipe.ts'

const F32_BYTES = 4

/** The weights of a recipe as a checkpoint that no file holds: a range is computed when it is read. */
export function generatedCheckpoint(recipe: Recipe): Checkpoint {
  return {
    format: 'safetensors',
    tensors: new Map(recipe.tensors.map(tensor => [tensor.name, storedTensor(tensor)])),
    files: [],
    close: async () => {},
  }
}

function storedTensor(tensor: RecipeTensor): StoredTensor {
  const byteLength = elementCount(tensor) * F32_BYTES
  return {
    name: tensor.name,
    type: 'f32',
    shape: tensor.shape,
    byteLength,
    read: async (byteOffset = 0, length = byteLength - byteOffset) => {
      const end = byteOffset + length
      if (!(byteOffset >= 0 && length >= 0 && end <= byteLength))
        throw new HenceError('OPTION_INVALID', `bytes ${byteOffset} to ${end} of ${tensor.name}, which has ${byteLength}`)
      const first = Math.floor(byteOffset / F32_BYTES)
      const values = fillTensor(tensor, first, Math.ceil(end / F32_BYTES))
      return new Uint8Array(values.buffer, byteOffset - first * F32_BYTES, length)
    },
  }
}
