import { allocate, type ElementType, HenceError, type Tensor, viewAs } from '../../core/index.ts'
import { checkedElementCount } from '../extents.ts'
import { readNpyHeader } from './npy-header.ts'
import { arrayType, type NpyType, parseNpyType } from './npy-types.ts'

/**
 * Decodes a .npy file: numbers, truth values and strings of fixed length, in either order of bytes and axes. An aligned
 * row-major array is a view of `bytes`.
 *
 * @param name - how messages call the file
 * @returns row-major; half-precision numbers as their bits
 * @throws HenceError `FILE_MALFORMED`, `FILE_TRUNCATED`, `FILE_LIMIT`, `FORMAT_UNSUPPORTED` (objects, several fields)
 */
export function decodeNpy(bytes: Uint8Array, name = '.npy file'): Tensor<ElementType> {
  const { descr, isFortranOrder, shape, dataOffset } = readNpyHeader(name, bytes)
  const type = parseNpyType(descr)
  if (!type)
    throw new HenceError('FORMAT_UNSUPPORTED', `${name}: Hence cannot read elements of type "${descr}"`, {
      path: name,
      descr,
      hint: 'Save the array as numbers, truth values or strings of fixed length.',
    })
  const count = checkedElementCount(name, 'array', shape)
  const expected = count * type.itemBytes
  const available = bytes.length - dataOffset
  if (available !== expected)
    throw new HenceError(
      available < expected ? 'FILE_TRUNCATED' : 'FILE_MALFORMED',
      `${name}: ${count} elements of ${type.itemBytes} bytes take ${expected} bytes, there are ${available}`,
      { path: name, expected, got: available },
    )
  const stored = inHostOrder(bytes.subarray(dataOffset), type)
  const data = type.text ? decodeStrings(name, stored, type, count) : decodeNumbers(name, stored, type)
  const rowMajor = isFortranOrder && shape.length > 1 ? toRowMajor(data, type.dtype, shape) : data
  return { dtype: type.dtype, shape, data: rowMajor }
}

type Data = Tensor<ElementType>['data']

function inHostOrder(bytes: Uint8Array, { wordBytes, isBigEndian }: NpyType): Uint8Array {
  if (!isBigEndian || wordBytes === 1) return bytes
  const swapped = new Uint8Array(bytes)
  for (let at = 0; at < swapped.length; at += wordBytes) swapped.subarray(at, at + wordBytes).reverse()
  return swapped
}

function decodeNumbers(name: string, bytes: Uint8Array, { dtype, wordBytes }: NpyType): Data {
  if (dtype === 'bool' && bytes.some(byte => byte > 1))
    throw new HenceError('FILE_MALFORMED', `${name}: a bool is neither 0 nor 1`, { path: name })
  // A slice of a Buffer would share its memory.
  const aligned = bytes.byteOffset % wordBytes === 0 ? bytes : new Uint8Array(bytes)
  return viewAs(arrayType(dtype), aligned.buffer, aligned.byteOffset, bytes.length / wordBytes)
}

/** Strings end at their last character that is not NUL. */
function decodeStrings(name: string, bytes: Uint8Array, { itemBytes, text }: NpyType, count: number): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const strings: string[] = []
  for (let at = 0; at < count * itemBytes; at += itemBytes) {
    const value = text === 'bytes' ? buffer.toString('utf8', at, at + itemBytes) : codePoints(name, buffer, at, itemBytes / 4)
    strings.push(value.replace(/\0+$/, ''))
  }
  return strings
}

function codePoints(name: string, buffer: Buffer, at: number, length: number): string {
  let text = ''
  for (let i = 0; i < length; i++) {
    const code = buffer.readUInt32LE(at + i * 4)
    if (code > 0x10ffff) throw new HenceError('FILE_MALFORMED', `${name}: ${code} is not a character`, { path: name })
    text += String.fromCodePoint(code)
  }
  return text
}

/** Copies an array whose first axis varies fastest into one whose last does. */
function toRowMajor(data: Data, dtype: ElementType, shape: readonly number[]): Data {
  const width = dtype === 'c64' || dtype === 'c128' ? 2 : 1
  const result = allocate(dtype, data.length)
  const strides: number[] = []
  let stride = 1
  for (const size of shape) {
    strides.push(stride)
    stride *= size
  }
  const position = shape.map(() => 0)
  let from = 0
  for (let to = 0; to < data.length / width; to++) {
    for (let k = 0; k < width; k++) result[to * width + k] = data[from * width + k]!
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!
      if (++position[axis]! < shape[axis]!) break
      from -= strides[axis]! * shape[axis]!
      position[axis] = 0
    }
  }
  return result
}
