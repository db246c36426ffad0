import type { FileTypeConfig } from './file-type-config.ts'

/** What decides which bytes of a file a model sees. */
export type FeatureSizes = Pick<FileTypeConfig, 'beginBytes' | 'endBytes' | 'paddingToken'>

/** Tokens for the beginning and the end of a file. */
export interface FileTypeFeatures {
  readonly begin: Int32Array
  readonly end: Int32Array
}

/**
 * The bytes of a file that a Magika model is given: the first ones after leading white space and the last ones before
 * trailing white space, each padded away from the file. Source: Magika's description of its features.
 *
 * @param head - the first block of the file
 * @param tail - the last block of the file; both are the whole file when it is short
 */
export function fileTypeFeatures(head: Uint8Array, tail: Uint8Array, sizes: FeatureSizes): FileTypeFeatures {
  const { beginBytes, endBytes, paddingToken } = sizes
  const begin = new Int32Array(beginBytes).fill(paddingToken)
  const end = new Int32Array(endBytes).fill(paddingToken)
  let first = 0
  while (first < head.length && isWhiteSpace(head[first]!)) first++
  begin.set(head.subarray(first, first + beginBytes))
  let last = tail.length
  while (last > 0 && isWhiteSpace(tail[last - 1]!)) last--
  const kept = tail.subarray(Math.max(0, last - endBytes), last)
  end.set(kept, endBytes - kept.length)
  return { begin, end }
}

/** ASCII white space: tab, line feed, vertical tab, form feed, carriage return, space. */
function isWhiteSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}
