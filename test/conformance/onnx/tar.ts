import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const BLOCK = 512

/** The regular files of a `.tar.gz` by path, unpacked in memory. Source: POSIX pax and ustar interchange formats. */
export function readTarGz(path: string): Map<string, Uint8Array> {
  const archive = gunzipSync(readFileSync(path))
  const files = new Map<string, Uint8Array>()
  const text = (start: number, length: number): string => archive.toString('utf8', start, start + length).replace(/\0.*$/s, '')
  let longName: string | undefined
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const prefix = text(at + 345, 155)
    const name = longName ?? (prefix === '' ? '' : `${prefix}/`) + text(at, 100)
    const size = Number.parseInt(text(at + 124, 12).trim() || '0', 8)
    const kind = String.fromCharCode(archive[at + 156]!)
    const content = archive.subarray(at + BLOCK, at + BLOCK + size)
    // A header of kind x describes the entry after it.
    longName = kind === 'x' ? /^\d+ path=(.*)$/m.exec(content.toString('utf8'))?.[1] : undefined
    if (kind === '0' || kind === '\0') files.set(name, content)
    else if (kind !== 'x' && kind !== '5') throw new TypeError(`${path}: ${name} is an entry of kind ${kind}`)
    at += BLOCK * (1 + Math.ceil(size / BLOCK))
  }
  return files
}
