import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { HenceError } from '../core/index.ts'
import { type Tokenizer, tokenizerFromJson, tokenizerFromLlama2c } from '../text/index.ts'

/** Largest tokenizer file, several times the largest published. */
const MAX_TOKENIZER_BYTES = 256 * 2 ** 20

/**
 * The tokenizer in a file: tokenizer.json, or llama2.c's with as many tokens as the model. A folder is searched as
 * {@link findTokenizer} does.
 *
 * @throws HenceError `FILE_NOT_FOUND`, `TOKENIZER_INVALID`
 */
export async function openTokenizer(path: string, vocabulary: number): Promise<Tokenizer> {
  const stats = await stat(path).catch(() => undefined)
  if (!stats) throw new HenceError('FILE_NOT_FOUND', `there is no tokenizer at ${resolve(path)}`, { path: resolve(path) })
  if (stats.isDirectory()) {
    const found = await findTokenizer(path, vocabulary)
    if (!found) throw new HenceError('FILE_NOT_FOUND', `there is no tokenizer in ${resolve(path)}`, { path: resolve(path) })
    return found
  }
  const bytes = await readTokenizerFile(path, stats.size)
  if (bytes[0] !== 0x7b) return tokenizerFromLlama2c(bytes, vocabulary)
  const config = await readFile(join(dirname(path), 'tokenizer_config.json'), 'utf8').catch(() => '{}')
  return tokenizerFromJson(parseJson(new TextDecoder().decode(bytes), path), parseJson(config, 'tokenizer_config.json'))
}

/** The tokenizer beside a model: tokenizer.json, then tokenizer.bin or tok512.bin in llama2.c's format; undefined without one. */
export async function findTokenizer(folder: string, vocabulary: number): Promise<Tokenizer | undefined> {
  const names = (await readdir(folder).catch(() => [] as string[])).sort()
  const preferred = ['tokenizer.json', `tok${vocabulary}.bin`, 'tokenizer.bin']
  const name = preferred.find(candidate => names.includes(candidate)) ?? names.find(candidate => /^tok.*\.bin$/.test(candidate))
  return name === undefined ? undefined : openTokenizer(join(folder, name), vocabulary)
}

async function readTokenizerFile(path: string, size: number): Promise<Uint8Array> {
  if (size > MAX_TOKENIZER_BYTES)
    throw new HenceError('FILE_LIMIT', `${basename(path)} has ${size} bytes, more than ${MAX_TOKENIZER_BYTES}, a limit of Hence's reader`, {
      path,
      size,
    })
  return readFile(path)
}

function parseJson(content: string, path: string): unknown {
  try {
    return JSON.parse(content)
  } catch (cause) {
    throw new HenceError('TOKENIZER_INVALID', `${path} is not valid JSON: ${(cause as Error).message}`, { path, cause })
  }
}
