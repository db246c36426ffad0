import { HenceError } from '../../core/index.ts'

/** What a .npy file says before its elements. */
export interface NpyHeader {
  readonly descr: string
  readonly isFortranOrder: boolean
  readonly shape: readonly number[]
  /** Where the elements start. */
  readonly dataOffset: number
}

/** NumPy refuses longer ones by default. */
const MAX_HEADER_BYTES = 10_000
/** NumPy's limit. */
const MAX_DIMENSIONS = 64

const MAGIC = '\x93NUMPY'
const ALIGNMENT = 64

/** Reads the header of a .npy file. Source: NumPy's description of the format, versions 1 to 3. */
export function readNpyHeader(name: string, bytes: Uint8Array): NpyHeader {
  const refuse = (message: string): HenceError => new HenceError('FILE_MALFORMED', `${name}: ${message}`, { path: name })
  const text = (start: number, end: number): string => Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
  if (bytes.length < 10 || text(0, 6) !== MAGIC) throw refuse('it does not begin as a .npy file does')
  const version = bytes[6]!
  if (version < 1 || version > 3)
    throw new HenceError('FORMAT_UNSUPPORTED', `${name}: version ${version} of the .npy format is not known`, { path: name, version })
  const start = version === 1 ? 10 : 12
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const length = version === 1 ? view.getUint16(8, true) : bytes.length < 12 ? 0 : view.getUint32(8, true)
  if (length > MAX_HEADER_BYTES)
    throw new HenceError('FILE_LIMIT', `${name}: a header of ${length} bytes is longer than ${MAX_HEADER_BYTES}, NumPy's limit`, {
      path: name,
      length,
      limit: MAX_HEADER_BYTES,
    })
  const dataOffset = start + length
  if (dataOffset > bytes.length)
    throw new HenceError('FILE_TRUNCATED', `${name}: the header ends at ${dataOffset}, beyond the file (${bytes.length} bytes)`, {
      path: name,
      fileSize: bytes.length,
    })
  const fields = parseFields(text(start, dataOffset))
  const descr = fields?.get('descr')
  const order = fields?.get('fortran_order')
  const shape = fields?.get('shape')
  if (Array.isArray(descr)) throw new HenceError('FORMAT_UNSUPPORTED', `${name}: elements of several fields`, { path: name })
  if (typeof descr !== 'string' || typeof order !== 'boolean' || !Array.isArray(shape))
    throw refuse('its header lacks descr, fortran_order or shape')
  if (shape.length > MAX_DIMENSIONS) throw refuse(`${shape.length} dimensions are more than ${MAX_DIMENSIONS}, NumPy's limit`)
  return { descr, isFortranOrder: order, shape, dataOffset }
}

type Field = string | boolean | readonly number[]

/** The fields of the header, a Python dictionary of a string, a truth value and a tuple of integers; undefined if it is not. */
function parseFields(text: string): Map<string, Field> | undefined {
  const fields = new Map<string, Field>()
  const entry = /\s*(?:'(\w+)'|"(\w+)")\s*:\s*(?:'([^'\\]*)'|"([^"\\]*)"|(True|False)|\(([\dL,\s]*)\)|(\[))\s*(,|\})/y
  const body = text.trimEnd()
  if (!body.startsWith('{') || !body.endsWith('}')) return undefined
  entry.lastIndex = 1
  for (;;) {
    const match = entry.exec(body)
    if (!match) {
      // A list of fields is told from a damaged header by its bracket.
      const isList = /^\{.*'descr'\s*:\s*\[/s.test(body)
      return isList ? new Map<string, Field>([['descr', []]]) : undefined
    }
    const [all, single, double, text1, text2, truth, tuple] = match
    const value = text1 ?? text2 ?? (truth === undefined ? sizesOf(tuple ?? '') : truth === 'True')
    if (value === undefined) return undefined
    fields.set((single ?? double)!, value)
    const rest = body.slice(entry.lastIndex)
    if (all.endsWith('}')) return rest === '' ? fields : undefined
    if (/^\s*\}$/.test(rest)) return fields
  }
}

/** The integers of a tuple; Python 2 wrote long ones with an L. */
function sizesOf(tuple: string): number[] | undefined {
  const parts = tuple.split(',').map(part => part.trim().replace(/L$/, ''))
  if (parts.at(-1) === '') parts.pop()
  const sizes = parts.map(part => (/^\d{1,16}$/.test(part) ? Number(part) : Number.NaN))
  return sizes.every(Number.isSafeInteger) ? sizes : undefined
}

/** A header of version 1 for an array in row-major order, padded as NumPy pads. */
export function encodeNpyHeader(descr: string, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const fields = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`
  const total = Math.ceil((10 + fields.length + 1) / ALIGNMENT) * ALIGNMENT
  const header = Buffer.alloc(total, ' ')
  header.write(MAGIC, 'latin1')
  header[6] = 1
  header[7] = 0
  header.writeUInt16LE(total - 10, 8)
  header.write(fields, 10, 'latin1')
  header[total - 1] = 0x0a
  return header
}
