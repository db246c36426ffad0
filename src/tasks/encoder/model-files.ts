import { dirname, join } from 'node:path'
import { HenceError, isHenceError } from '../../core/index.ts'
import { isJsonObject, MAX_JSON_BYTES, readJson } from '../../formats/index.ts'
import type { Tokenizer } from '../../text/index.ts'
import { findTokenizer } from '../find-tokenizer.ts'

/** What lies beside the weights of a model: tokenizer, names of classes, how texts are prepared. Files are read once, when asked for. */
export class ModelFiles {
  readonly #folders: readonly string[]
  readonly #values = new Map<string, Promise<unknown>>()
  #tokenizer: Promise<Tokenizer | undefined> | undefined

  /** @param folder - also searched: the folder above it where it is called `onnx`, as models for JavaScript are published */
  constructor(folder: string) {
    this.#folders = /[\\/]onnx$/.test(folder) ? [folder, dirname(folder)] : [folder]
  }

  /** An object in a JSON file; undefined where there is no such file. @throws HenceError about the file when it is damaged */
  async json(name: string): Promise<Record<string, unknown> | undefined> {
    const value = await this.value(name)
    if (value === undefined || isJsonObject(value)) return value
    throw new HenceError('FILE_MALFORMED', `${name}: the top level is not an object`, { where: name })
  }

  /** What a JSON file holds; undefined where there is none. @throws HenceError about the file when it is damaged */
  value(name: string): Promise<unknown> {
    const known = this.#values.get(name) ?? this.#read(name)
    this.#values.set(name, known)
    return known
  }

  /** A file's path in the first folder, whether or not it exists. */
  path(...names: string[]): string {
    return join(this.#folders[0]!, ...names)
  }

  /** @throws HenceError `TOKENIZER_MISSING`, `TOKENIZER_INVALID` */
  async tokenizer(): Promise<Tokenizer> {
    this.#tokenizer ??= this.#findTokenizer()
    const found = await this.#tokenizer
    if (found) return found
    throw new HenceError('TOKENIZER_MISSING', `there is no tokenizer.json in ${this.#folders[0]}`, {
      path: this.#folders[0],
      hint: 'Put the tokenizer.json of the model beside its weights.',
    })
  }

  /** The text of a special token, such as `mask_token`; undefined where no file names one. */
  async specialToken(name: string): Promise<string | undefined> {
    for (const file of ['tokenizer_config.json', 'special_tokens_map.json']) {
      const value = (await this.json(file))?.[name]
      const text = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)['content'] : value
      if (typeof text === 'string' && text !== '') return text
    }
    return undefined
  }

  /** Names of classes: `id2label` of config.json. */
  async labels(): Promise<readonly string[]> {
    const table = (await this.json('config.json'))?.['id2label']
    const labels: string[] = []
    if (typeof table === 'object' && table !== null)
      for (const [id, label] of Object.entries(table)) if (/^\d{1,7}$/.test(id)) labels[Number(id)] = String(label)
    return labels
  }

  async #findTokenizer(): Promise<Tokenizer | undefined> {
    for (const folder of this.#folders) {
      const found = await findTokenizer(folder, 0)
      if (found) return found
    }
    return undefined
  }

  async #read(name: string): Promise<unknown> {
    for (const folder of this.#folders)
      try {
        return await readJson(join(folder, name), MAX_JSON_BYTES)
      } catch (error) {
        if (!isHenceError(error, 'FILE_NOT_FOUND')) throw error
      }
    return undefined
  }
}
