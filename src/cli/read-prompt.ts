import { HenceError } from '../core/index.ts'
import { formatBytes, formatCount } from './format.ts'
import type { Io } from './io.ts'

/** Largest prompt read from standard input: far beyond any context. */
const MAX_INPUT_BYTES = 256 * 2 ** 20
const LINE_FEED = 0x0a

/**
 * All of standard input as text, without the line break that ends it.
 *
 * @throws HenceError `FILE_MALFORMED` when it is not UTF-8, `FILE_LIMIT`
 */
export async function readInput({ stdin }: Io): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of stdin) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : (part as Uint8Array)
    length += bytes.length
    if (length > MAX_INPUT_BYTES) throw tooLarge()
    parts.push(bytes)
  }
  return decodeUtf8(Buffer.concat(parts)).replace(/\r?\n$/, '')
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    const offset = firstInvalid(bytes)
    const byte = `0x${bytes[offset]?.toString(16).padStart(2, '0') ?? '??'}`
    throw new HenceError('FILE_MALFORMED', `standard input is not UTF-8 text: byte ${byte} at offset ${formatCount(offset)}`, {
      offset,
      hint: 'Convert it first, for example with `iconv -t utf-8`.',
    })
  }
}

/**
 * The lines of standard input as they come.
 *
 * @throws HenceError `FILE_MALFORMED` when it is not UTF-8, `FILE_LIMIT`
 */
export async function* readLines({ stdin }: Io): AsyncGenerator<string, undefined> {
  let rest = Buffer.alloc(0)
  for await (const part of stdin) {
    rest = Buffer.concat([rest, typeof part === 'string' ? Buffer.from(part) : (part as Uint8Array)])
    if (rest.length > MAX_INPUT_BYTES) throw tooLarge()
    let begin = 0
    for (let end = rest.indexOf(LINE_FEED); end >= 0; end = rest.indexOf(LINE_FEED, begin)) {
      yield decodeUtf8(rest.subarray(begin, end)).replace(/\r$/, '')
      begin = end + 1
    }
    rest = rest.subarray(begin)
  }
  if (rest.length > 0) yield decodeUtf8(rest)
  return undefined
}

function tooLarge(): HenceError {
  return new HenceError('FILE_LIMIT', `standard input is larger than ${formatBytes(MAX_INPUT_BYTES)}, the most a prompt can be`, {
    limit: MAX_INPUT_BYTES,
    hint: 'Give a shorter prompt.',
  })
}

/** Offset of the first byte that decoding and encoding again does not give back. */
function firstInvalid(bytes: Buffer): number {
  const again = Buffer.from(bytes.toString('utf8'))
  let offset = 0
  while (offset < bytes.length && bytes[offset] === again[offset]) offset++
  return offset
}
