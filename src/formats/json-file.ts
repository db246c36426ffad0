import { HenceError } from '../core/index.ts'
import { parseBoundedJson, parseJsonObject } from './bounded-json.ts'
import { ByteFile } from './byte-file.ts'

/** Hence's own limits. The largest published tokenizer.json files take some 35 MB, other JSON files some 10 MB. */
export const MAX_TOKENIZER_JSON_BYTES: number = 256 * 2 ** 20
export const MAX_JSON_BYTES: number = 64 * 2 ** 20

/**
 * Reads a whole small file.
 *
 * @throws HenceError `FILE_LIMIT` when it is larger than `limit` bytes
 */
export async function readSmallFile(path: string, limit: number, signal?: AbortSignal): Promise<Uint8Array> {
  const file = await ByteFile.open(path)
  try {
    if (file.size > limit)
      throw new HenceError('FILE_LIMIT', `${path}: ${file.size} bytes are more than ${limit}, a limit of Hence's reader`, {
        path,
        size: file.size,
        limit,
      })
    return await file.read(0, file.size, signal)
  } finally {
    await file.close()
  }
}

/** Reads a JSON file whose top level is an object. */
export async function readJsonObject(path: string, limit: number, signal?: AbortSignal): Promise<Record<string, unknown>> {
  return parseJsonObject(await readSmallFile(path, limit, signal), path)
}

/** Reads a JSON file, whatever it holds. */
export async function readJson(path: string, limit: number, signal?: AbortSignal): Promise<unknown> {
  return parseBoundedJson(await readSmallFile(path, limit, signal), path)
}
