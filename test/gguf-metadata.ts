import { readFileSync } from 'node:fs'

/** Metadata of a trusted GGUF file, read the short way: only for tests and benchmarks of layers that may not import `formats`. */
export function ggufMetadata(path: string): Map<string, unknown> {
  const bytes = readFileSync(path)
  let at = 8
  const take = (size: number): number => {
    at += size
    return at - size
  }
  const count = (): number => Number(bytes.readBigUInt64LE(take(8)))
  const text = (): string => {
    const length = count()
    const start = take(length)
    return bytes.toString('utf8', start, start + length)
  }
  // By the type numbers of the GGUF specification.
  const readers: readonly (() => unknown)[] = [
    () => bytes.readUInt8(take(1)),
    () => bytes.readInt8(take(1)),
    () => bytes.readUInt16LE(take(2)),
    () => bytes.readInt16LE(take(2)),
    () => bytes.readUInt32LE(take(4)),
    () => bytes.readInt32LE(take(4)),
    () => bytes.readFloatLE(take(4)),
    () => bytes.readUInt8(take(1)) !== 0,
    text,
    () => {
      const type = bytes.readUInt32LE(take(4))
      const length = count()
      return Array.from({ length }, () => readers[type]!())
    },
    () => bytes.readBigUInt64LE(take(8)),
    () => bytes.readBigInt64LE(take(8)),
    () => bytes.readDoubleLE(take(8)),
  ]
  count()
  const entries = count()
  const metadata = new Map<string, unknown>()
  for (let i = 0; i < entries; i++) {
    const key = text()
    const type = bytes.readUInt32LE(take(4))
    metadata.set(key, readers[type]!())
  }
  return metadata
}
