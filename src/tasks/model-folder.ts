import { dirname, join } from 'node:path'
import { isHenceError, type TensorModel } from '../core/index.ts'
import { MAX_JSON_BYTES, readJsonObject } from '../formats/index.ts'

/** A JSON file beside a model; undefined where there is none. @throws HenceError about the file when it is damaged */
export async function readBeside(model: TensorModel, name: string): Promise<Record<string, unknown> | undefined> {
  try {
    return await readJsonObject(join(folderOf(model), name), MAX_JSON_BYTES)
  } catch (error) {
    if (isHenceError(error, 'FILE_NOT_FOUND')) return undefined
    throw error
  }
}

/** The folder of a model's files. */
function folderOf(model: TensorModel): string {
  const { files, source } = model.describe()
  return dirname(files[0]?.path ?? source)
}
