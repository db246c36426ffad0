import { HenceError } from '../../core/index.ts'
import { STORAGE_TYPES, type StorageType, storageBytes } from '../storage-types.ts'
import { CODECS } from './codecs.ts'

/**
 * The single-precision values of `elementCount` stored elements: exact for every weight type.
 *
 * @param bytes - at least {@link storageBytes} bytes; need not be aligned
 * @param out - receives the values when given; must hold `elementCount`
 * @throws HenceError `OPTION_INVALID` when the lengths do not fit together
 */
export function dequantize(type: StorageType, bytes: Uint8Array, elementCount: number, out?: Float32Array): Float32Array {
  const needed = storageBytes(type, elementCount)
  if (bytes.length < needed)
    throw new HenceError('OPTION_INVALID', `${elementCount} ${type} elements need ${needed} bytes, got ${bytes.length}`, {
      type,
      elementCount,
      byteLength: bytes.length,
    })
  const values = out ?? new Float32Array(elementCount)
  if (values.length < elementCount)
    throw new HenceError('OPTION_INVALID', `${elementCount} ${type} elements do not fit an output of ${values.length}`, {
      type,
      elementCount,
      outputLength: values.length,
    })
  CODECS[type].decode(bytes, elementCount / STORAGE_TYPES[type].blockElements, values)
  return values
}

/**
 * `values` in a storage format, by plain rounding within each block: right for fixtures and small conversions, not tuned
 * for quality.
 *
 * @throws HenceError `OPTION_INVALID` when the count is not a whole number of blocks
 */
export function quantize(type: StorageType, values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(storageBytes(type, values.length))
  CODECS[type].encode(values, values.length / STORAGE_TYPES[type].blockElements, bytes)
  return bytes
}
