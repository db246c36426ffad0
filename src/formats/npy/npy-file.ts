import type { ElementType, Tensor } from '../../core/index.ts'
import { ByteFile } from '../byte-file.ts'
import { saveTo } from '../byte-sink.ts'
import { decodeNpy } from './decode-npy.ts'
import { encodeNpy } from './encode-npy.ts'

/**
 * Reads a .npy file.
 *
 * @throws HenceError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `ABORTED`, else as {@link decodeNpy}
 */
export async function readNpy(path: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Tensor<ElementType>> {
  const file = await ByteFile.open(path)
  try {
    return decodeNpy(await file.read(0, file.size, options.signal), file.path)
  } finally {
    await file.close()
  }
}

/** Writes a tensor as a .npy file. @throws HenceError `FILE_UNREADABLE`, else as {@link encodeNpy} */
export async function writeNpy(path: string, tensor: Tensor<ElementType>): Promise<void> {
  const source = encodeNpy(tensor)
  await saveTo(path, [{ source, byteLength: source.length }])
}
