import { HenceError } from '../../core/index.ts'
import { ByteFile } from '../byte-file.ts'
import { readModel } from './decode-onnx.ts'
import { loadExternalData } from './external-data.ts'
import type { OnnxModel } from './model.ts'
import { OnnxSource } from './onnx-source.ts'

/** Protobuf's own limit; larger models keep their weights in other files. */
const MAX_FILE_BYTES = 2 ** 31 - 1

/**
 * Reads an ONNX file and its external data. Large weights are views of what was read, and can be released: they are read
 * again when they are next asked for.
 *
 * @throws HenceError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `FILE_TRUNCATED`, `FILE_MALFORMED`, `FILE_LIMIT`,
 *   `FORMAT_UNSUPPORTED`, `ABORTED`
 */
export async function openOnnx(path: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<OnnxModel> {
  const { identity, bytes } = await readWhole(path, options.signal)
  const source = new OnnxSource(identity.path, bytes, true, identity)
  const model = readModel(source, [identity])
  if (source.external.length === 0) return model
  const files = await loadExternalData(identity.path, source.external, options.signal)
  return { ...model, files: [...model.files, ...files] }
}

async function readWhole(path: string, signal: AbortSignal | undefined): Promise<{ identity: ByteFile['identity']; bytes: Uint8Array }> {
  const file = await ByteFile.open(path)
  try {
    if (file.size > MAX_FILE_BYTES)
      throw new HenceError('FILE_LIMIT', `${file.path}: ${file.size} bytes are more than ${MAX_FILE_BYTES}, the limit of protobuf`, {
        path: file.path,
        fileSize: file.size,
        limit: MAX_FILE_BYTES,
      })
    return { identity: file.identity, bytes: await file.read(0, file.size, signal) }
  } finally {
    await file.close()
  }
}
