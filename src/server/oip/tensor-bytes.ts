import { allocate, type ElementType, HenceError, type Tensor } from '../../core/index.ts'
import { elementBytes, type WireType } from './datatypes.ts'

const UTF8 = new TextDecoder('utf-8', { fatal: true })

/**
 * A tensor from the bytes of the binary tensor data extension: little-endian, row-major, booleans as one byte, texts as a
 * 32-bit length each with its UTF-8.
 *
 * @throws HenceError `REQUEST_INVALID`
 */
export function tensorFromBytes(
  where: string,
  dtype: WireType,
  shape: readonly number[],
  count: number,
  bytes: Uint8Array,
): Tensor<ElementType> {
  if (dtype === 'string') return { dtype, shape, data: textsFromBytes(where, count, bytes) }
  const wanted = count * elementBytes(dtype)
  if (bytes.length !== wanted)
    throw new HenceError('REQUEST_INVALID', `${where}: shape [${shape.join(', ')}] needs ${wanted} bytes, but there are ${bytes.length}`, {
      wanted,
      got: bytes.length,
    })
  if (dtype === 'bool' && bytes.some(byte => byte > 1))
    throw new HenceError('REQUEST_INVALID', `${where}: a boolean must be the byte 0 or 1`)
  const data = allocate(dtype, count) as Exclude<Tensor<ElementType>['data'], string[]>
  new Uint8Array(data.buffer).set(bytes)
  return { dtype, shape, data } as Tensor<ElementType>
}

function textsFromBytes(where: string, count: number, bytes: Uint8Array): string[] {
  // Each text takes four bytes at least, so the count is bounded by what was sent.
  if (count * 4 > bytes.length) throw truncated(where)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const texts: string[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) throw truncated(where)
    const end = at + 4 + view.getUint32(at, true)
    if (end > bytes.length) throw truncated(where)
    texts.push(textOf(where, bytes.subarray(at + 4, end)))
    at = end
  }
  if (at !== bytes.length) throw new HenceError('REQUEST_INVALID', `${where}: ${bytes.length - at} bytes follow the last text`)
  return texts
}

function textOf(where: string, bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch (cause) {
    throw new HenceError('REQUEST_INVALID', `${where}: a text is not valid UTF-8`, { cause })
  }
}

function truncated(where: string): HenceError {
  return new HenceError('REQUEST_INVALID', `${where}: the texts end early`)
}

/** The bytes of {@link tensorFromBytes}. */
export function tensorToBytes({ data }: Tensor<ElementType>): Uint8Array {
  if (!Array.isArray(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return Buffer.concat(
    data.flatMap(text => {
      const bytes = Buffer.from(text)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(bytes.length)
      return [length, bytes]
    }),
  )
}
