import { HenceError } from '../core/index.ts'

/** The bytes a tensor claims in a file. */
export interface Extent {
  readonly name: string
  readonly offset: number
  readonly byteLength: number
}

/**
 * Checks that every extent lies inside the file and that no two share a byte.
 *
 * @throws HenceError `FILE_TRUNCATED`, `FILE_MALFORMED`
 */
export function checkExtents(path: string, fileSize: number, extents: readonly Extent[]): void {
  const sorted = extents.filter(extent => extent.byteLength > 0).sort((a, b) => a.offset - b.offset)
  let previous: Extent | undefined
  for (const extent of sorted) {
    const { name, offset, byteLength } = extent
    if (!Number.isSafeInteger(offset + byteLength) || offset + byteLength > fileSize)
      throw new HenceError(
        'FILE_TRUNCATED',
        `${path}: tensor "${name}": offset ${offset} + ${byteLength} bytes ends beyond the file (${fileSize} bytes)`,
        {
          path,
          tensor: name,
          offset,
          byteLength,
          fileSize,
        },
      )
    if (previous !== undefined && previous.offset + previous.byteLength > offset)
      throw new HenceError(
        'FILE_MALFORMED',
        `${path}: tensors "${previous.name}" (bytes ${previous.offset} to ${previous.offset + previous.byteLength}) and "${name}" (from ${offset}) overlap`,
        {
          path,
          tensors: [previous.name, name],
          offset,
        },
      )
    previous = extent
  }
}

/**
 * The product of dimensions, refused when it is not an exact integer.
 *
 * @throws HenceError `FILE_LIMIT`
 */
export function checkedElementCount(path: string, name: string, shape: readonly number[]): number {
  let count = 1
  for (const size of shape) {
    count *= size
    if (!Number.isSafeInteger(count))
      throw new HenceError(
        'FILE_LIMIT',
        `${path}: tensor "${name}": shape [${shape.join(', ')}] has more elements than 2^53, the largest exact count`,
        {
          path,
          tensor: name,
          shape,
        },
      )
  }
  return count
}
