import { basename, dirname, join, resolve } from 'node:path'
import { HenceError } from '../../core/index.ts'
import { isJsonObject } from '../bounded-json.ts'
import { ByteFile, closeAll } from '../byte-file.ts'
import type { Checkpoint, StoredTensor, UnsupportedTensors } from '../checkpoint.ts'
import { fileTensor } from '../file-tensor.ts'
import { MAX_JSON_BYTES, readJsonObject } from '../json-file.ts'
import { looksLikeSafetensors, readSafetensorsHeader, SAFETENSORS_HEAD_BYTES } from './header.ts'

/** Hence's own; the largest published models have some two hundred. */
const MAX_SHARDS = 4096

/** Open safetensors weights of one file or several. */
export interface SafetensorsFile extends Checkpoint {
  readonly format: 'safetensors'
  /** `__metadata__` of all files together. */
  readonly metadata: Readonly<Record<string, string>>
  readonly unsupported: UnsupportedTensors
}

/**
 * Opens safetensors weights. Nothing but headers is read.
 *
 * @param source - a file, several files, or an index (`….safetensors.index.json`) that maps tensors to files beside it
 * @throws HenceError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `FILE_TRUNCATED`, `FILE_MALFORMED`, `FILE_LIMIT`, `ABORTED`
 */
export async function openSafetensors(
  source: string | readonly string[],
  options: { signal?: AbortSignal | undefined } = {},
): Promise<SafetensorsFile> {
  const { signal } = options
  if (typeof source !== 'string') return openShards(source, undefined, signal)
  if (!(await isIndex(source, signal))) return openShards([source], undefined, signal)
  const weightMap = await readIndex(source, signal)
  const shards = [...new Set(weightMap.values())].sort()
  return openShards(
    shards.map(shard => join(dirname(source), shard)),
    weightMap,
    signal,
  )
}

/** True for JSON text. Read as a header length, its first bytes exceed any limit. */
async function isIndex(path: string, signal: AbortSignal | undefined): Promise<boolean> {
  const file = await ByteFile.open(path)
  try {
    const head = await file.read(0, Math.min(file.size, SAFETENSORS_HEAD_BYTES), signal)
    return !looksLikeSafetensors(head) && /^\s*\{/.test(String.fromCharCode(...head))
  } finally {
    await file.close()
  }
}

/** Tensor name → file name, each a plain name in the folder of the index. */
async function readIndex(path: string, signal: AbortSignal | undefined): Promise<Map<string, string>> {
  const { weight_map: weightMap } = await readJsonObject(path, MAX_JSON_BYTES, signal)
  if (!isJsonObject(weightMap)) throw new HenceError('FILE_MALFORMED', `${path}: weight_map is not an object`, { path })
  const map = new Map<string, string>()
  for (const [name, shard] of Object.entries(weightMap)) {
    if (typeof shard !== 'string' || shard === '' || shard.includes('\0') || /[/\\]/.test(shard) || shard.startsWith('.'))
      throw new HenceError(
        'FILE_MALFORMED',
        `${path}: tensor "${name}": ${JSON.stringify(shard).slice(0, 200)} is not the name of a file in the same folder`,
        { path, tensor: name },
      )
    map.set(name, shard)
  }
  return map
}

async function openShards(
  paths: readonly string[],
  weightMap: ReadonlyMap<string, string> | undefined,
  signal: AbortSignal | undefined,
): Promise<SafetensorsFile> {
  if (paths.length === 0) throw new HenceError('FILE_MALFORMED', 'no safetensors file is named')
  if (paths.length > MAX_SHARDS)
    throw new HenceError('FILE_LIMIT', `${paths.length} files are more than ${MAX_SHARDS}, a limit of Hence's reader`, {
      count: paths.length,
      limit: MAX_SHARDS,
    })
  const files: ByteFile[] = []
  const tensors = new Map<string, StoredTensor>()
  const unsupported = new Map<string, string[]>()
  const owners = new Map<string, string>()
  const metadata: Record<string, string> = {}
  try {
    for (const path of paths) {
      const file = await ByteFile.open(path)
      files.push(file)
      const header = await readSafetensorsHeader(file, signal)
      Object.assign(metadata, header.metadata)
      for (const { name, type, dtype, shape, offset } of header.entries) {
        if (weightMap !== undefined && weightMap.get(name) !== basename(path)) continue
        const owner = owners.get(name)
        if (owner !== undefined)
          throw new HenceError('FILE_MALFORMED', `${path}: tensor "${name}" is also in ${owner}`, { path, tensor: name, owner })
        owners.set(name, path)
        if (type !== undefined) tensors.set(name, fileTensor(file, name, type, shape, offset))
        else if (!unsupported.get(dtype)?.push(name)) unsupported.set(dtype, [name])
      }
    }
    for (const [name, shard] of weightMap ?? [])
      if (!owners.has(name))
        throw new HenceError(
          'FILE_MALFORMED',
          `${join(dirname(resolve(paths[0]!)), shard)}: tensor "${name}" is missing, although the index says it is here`,
          { tensor: name, shard },
        )
  } catch (error) {
    await closeAll(files)
    throw error
  }
  return { format: 'safetensors', tensors, unsupported, metadata, files: files.map(file => file.identity), close: () => closeAll(files) }
}
