import { dirname, join } from 'node:path'
import { isHenceError, type TensorModel } from '../core/index.ts'
import { MAX_JSON_BYTES, readJsonObject } from '../formats/index.ts'

/** A JSON file beside a model; undefined where there is none. @throws HenceError about the file when it is damaged */
export async function readBeside(model: TensorModel, name: string): Promise<Record<string, unknown> | undefined> {
  try {
    return await readJsonObject(join(dirname(model.describe().source), name), MAX_JSON_BYTES)
  } catch (error) {
    if (isHenceError(error, 'FILE_NOT_FOUND')) return undefined
    throw error
  }
}
