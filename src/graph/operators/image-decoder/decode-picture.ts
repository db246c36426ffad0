import { isHenceError } from '../../../core/index.ts'
import { decodeBmp } from './bmp.ts'
import { decodeJpeg } from './jpeg.ts'
import { decodePng } from './png.ts'
import { decodePnm } from './pnm.ts'
import type { Raster } from './raster.ts'
import { decodeTiff } from './tiff.ts'

interface Format {
  readonly name: string
  /** Bytes at the start; -1 stands for any. */
  readonly signature: readonly number[]
  /** `undefined` for a kind of the format that is not read; without it none is. */
  readonly decode?: (bytes: Uint8Array) => Raster | undefined
}

const FORMATS: readonly Format[] = [
  { name: 'PNG', signature: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], decode: decodePng },
  { name: 'JPEG', signature: [0xff, 0xd8, 0xff], decode: decodeJpeg },
  { name: 'BMP', signature: [0x42, 0x4d], decode: decodeBmp },
  { name: 'TIFF', signature: [0x49, 0x49, 0x2a, 0x00], decode: decodeTiff },
  { name: 'TIFF', signature: [0x4d, 0x4d, 0x00, 0x2a], decode: decodeTiff },
  ...[1, 2, 3, 4, 5, 6].map(kind => ({ name: 'PNM', signature: [0x50, 0x30 + kind], decode: decodePnm })),
  { name: 'WebP', signature: [0x52, 0x49, 0x46, 0x46, -1, -1, -1, -1, 0x57, 0x45, 0x42, 0x50] },
  { name: 'JPEG 2000', signature: [0, 0, 0, 0x0c, 0x6a, 0x50, 0x20, 0x20] },
  { name: 'JPEG 2000', signature: [0xff, 0x4f, 0xff, 0x51] },
]

/** What a picture file holds. */
export interface DecodedPicture {
  /** Absent for a file of no known format. */
  readonly format?: string
  /** False for formats, or kinds of them, that are not read. */
  readonly isReadable: boolean
  /** Absent for a broken file. */
  readonly raster?: Raster
}

/** Tells the format of a picture file by its first bytes and decodes it. */
export function decodePicture(bytes: Uint8Array): DecodedPicture {
  const format = FORMATS.find(({ signature }) => signature.every((byte, i) => byte < 0 || bytes[i] === byte))
  if (!format?.decode) return { ...(format ? { format: format.name } : {}), isReadable: false }
  try {
    const raster = format.decode(bytes)
    return { format: format.name, isReadable: raster !== undefined, ...(raster ? { raster } : {}) }
  } catch (error) {
    const isDamage = isHenceError(error, 'FILE_MALFORMED') || error instanceof RangeError || isZlibError(error)
    if (!isDamage) throw error
    return { format: format.name, isReadable: true }
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(Z_|ERR_BUFFER_TOO_LARGE)/.test(String(error.code))
}
