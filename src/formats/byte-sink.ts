import { open } from 'node:fs/promises'
import { HenceError } from '../core/index.ts'

/** Bytes to write: at hand, or produced in pieces when their turn comes. */
export type ByteSource = Uint8Array | (() => Iterable<Uint8Array> | AsyncIterable<Uint8Array>)

/** A run of bytes with the length it must have. */
export interface SizedSource {
  readonly source: ByteSource
  readonly byteLength: number
}

/** All bytes in one array; every source must be at hand. */
export function collect(pieces: Iterable<SizedSource>): Uint8Array {
  const chunks: Uint8Array[] = []
  for (const { source, byteLength } of pieces) {
    if (typeof source === 'function') throw new HenceError('OPTION_INVALID', 'data produced in pieces can only be written to a file')
    checkLength(source.length, byteLength)
    chunks.push(source)
  }
  const all = Buffer.concat(chunks)
  return new Uint8Array(all.buffer, all.byteOffset, all.length)
}

/** Writes all bytes to a new file at `path`, replacing what was there. */
export async function saveTo(path: string, pieces: Iterable<SizedSource>): Promise<void> {
  const file = await open(path, 'w').catch((cause: unknown) => {
    throw new HenceError('FILE_UNREADABLE', `cannot write ${path}`, { path, cause })
  })
  try {
    for (const { source, byteLength } of pieces) {
      let written = 0
      for await (const chunk of typeof source === 'function' ? source() : [source]) {
        await file.writeFile(chunk)
        written += chunk.length
      }
      checkLength(written, byteLength)
    }
  } finally {
    await file.close()
  }
}

function checkLength(actual: number, expected: number): void {
  if (actual !== expected)
    throw new HenceError('OPTION_INVALID', `data of ${actual} bytes was given where ${expected} belong`, { actual, expected })
}
