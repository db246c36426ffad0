import { bf16ToF32, type ElementType, HenceError, type Tensor } from '../../core/index.ts'
import { encodeNpyHeader } from './npy-header.ts'
import { npyDescription } from './npy-types.ts'

/**
 * A tensor as the bytes of a .npy file in row-major order. NumPy has no bfloat16, which becomes f32, and no integers of
 * less than eight bits, which become i8 and u8.
 *
 * @throws HenceError `OPTION_INVALID` for floats of eight bits and less
 */
export function encodeNpy(tensor: Tensor<ElementType>): Uint8Array {
  const { dtype, shape, data } = numpyForm(tensor)
  if (dtype === 'string') return encodeStrings(shape, data as readonly string[])
  const descr = npyDescription(dtype)
  if (descr === undefined)
    throw new HenceError('OPTION_INVALID', `NumPy has no type for ${dtype}`, { dtype, hint: 'Cast the tensor to f32 first.' })
  const { buffer, byteOffset, byteLength } = data as Exclude<typeof data, string[]>
  return Buffer.concat([encodeNpyHeader(descr, shape), new Uint8Array(buffer, byteOffset, byteLength)])
}

function numpyForm(tensor: Tensor<ElementType>): Tensor<ElementType> {
  const { dtype, shape, data } = tensor
  if (dtype === 'bf16') return { dtype: 'f32', shape, data: Float32Array.from(data as Uint16Array, bf16ToF32) }
  if (dtype === 'i4' || dtype === 'i2') return { dtype: 'i8', shape, data }
  return dtype === 'u4' || dtype === 'u2' ? { dtype: 'u8', shape, data } : tensor
}

/** Code points of four bytes, each string as long as the longest. */
function encodeStrings(shape: readonly number[], strings: readonly string[]): Uint8Array {
  const characters = strings.map(text => Uint32Array.from(text, character => character.codePointAt(0)!))
  const length = characters.reduce((longest, { length }) => Math.max(longest, length), 1)
  const content = new Uint32Array(strings.length * length)
  for (const [i, codes] of characters.entries()) content.set(codes, i * length)
  return Buffer.concat([encodeNpyHeader(`<U${length}`, shape), new Uint8Array(content.buffer)])
}
