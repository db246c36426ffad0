import type { ElementType, Tensor } from '../../../src/core/index.ts'
import { type DType, viewAs } from '../../../src/core/index.ts'
import { openSafetensors } from '../../../src/formats/index.ts'

/** Every tensor of a safetensors file of plain element types. */
export async function readTensors(path: string): Promise<Map<string, Tensor<ElementType>>> {
  const file = await openSafetensors(path)
  try {
    const tensors = new Map<string, Tensor<ElementType>>()
    for (const [name, { type, shape, read }] of file.tensors) {
      const bytes = await read()
      const length = shape.reduce((product, size) => product * size, 1)
      tensors.set(name, { dtype: type as DType, shape, data: viewAs(type as DType, bytes.buffer, bytes.byteOffset, length) })
    }
    return tensors
  } finally {
    await file.close()
  }
}
