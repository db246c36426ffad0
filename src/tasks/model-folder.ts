import { basename, dirname, join } from 'node:path'
import { isHenceError, type TensorModel } from '../core/index.ts'
import { MAX_JSON_BYTES, readJsonObject } from '../formats/index.ts'

/**
 * A JSON file beside a model, or above a folder `onnx` that it is in, as repositories of the hub keep graphs; undefined
 * where there is none.
 *
 * @throws HenceError about the file when it is damaged
 */
export async function readBeside(model: Pick<TensorModel, 'describe'>, name: string): Promise<Record<string, unknown> | undefined> {
  const folder = folderOf(model)
  for (const place of basename(folder) === 'onnx' ? [folder, dirname(folder)] : [folder])
    try {
      return await readJsonObject(join(place, name), MAX_JSON_BYTES)
    } catch (error) {
      if (!isHenceError(error, 'FILE_NOT_FOUND')) throw error
    }
  return undefined
}

/** The folder of a model's files. */
function folderOf(model: Pick<TensorModel, 'describe'>): string {
  const { files, source } = model.describe()
  return dirname(files[0]?.path ?? source)
}
