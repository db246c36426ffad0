import { realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { HenceError, makeLazy } from '../../core/index.ts'
import { ByteFile } from '../byte-file.ts'
import type { FileIdentity } from '../checkpoint.ts'
import { readAgain } from '../read-again.ts'
import type { ExternalTensor } from './onnx-source.ts'
import { SMALLEST_LAZY_BYTES } from './tensor.ts'
import { elementsOf } from './tensor-elements.ts'

/**
 * Reads the elements of external tensors, each straight into memory of its own and one file at a time. Tensors that name
 * the same bytes share them.
 *
 * @param modelPath - absolute; the files must lie in its folder
 * @returns the files read
 * @throws HenceError `FILE_MALFORMED` for a location outside the folder, else as {@link ByteFile}
 */
export async function loadExternalData(
  modelPath: string,
  tensors: readonly ExternalTensor[],
  signal: AbortSignal | undefined,
): Promise<FileIdentity[]> {
  const folders = await modelFolders(modelPath)
  const byPath = new Map<string, ExternalTensor[]>()
  const paths = new Map<string, string>()
  for (const tensor of tensors) {
    const path = paths.get(tensor.location) ?? (await locate(modelPath, folders, tensor))
    paths.set(tensor.location, path)
    const group = byPath.get(path)
    if (group) group.push(tensor)
    else byPath.set(path, [tensor])
  }
  const files: FileIdentity[] = []
  for (const [path, group] of byPath) files.push(await readGroup(modelPath, path, group, signal))
  return files
}

/** A snapshot in the cache of the Hugging Face hub, below the folder of its repository. */
const SNAPSHOT = /^(.*)([/\\]models--[^/\\]+)[/\\]snapshots[/\\][0-9a-f]{40}(?:[/\\]|$)/

/**
 * The model's folder, and where its file really is when the path is a link: model caches keep links to one folder of files,
 * that of the hub also to a second one that all its repositories share.
 */
async function modelFolders(modelPath: string): Promise<string[]> {
  const folder = await realpath(dirname(modelPath))
  const [, cache, repository = ''] = SNAPSHOT.exec(folder) ?? []
  const shared = cache === undefined ? [] : [join(cache, repository, 'blobs'), join(cache, 'blobs')]
  return [folder, dirname(await realpath(modelPath)), ...shared]
}

/** The real path of a tensor's file. */
async function locate(modelPath: string, folders: readonly string[], { what, location }: ExternalTensor): Promise<string> {
  const refuse = (reason: string): HenceError =>
    new HenceError('FILE_MALFORMED', `${modelPath}: ${what}: its data is at "${location}", ${reason}`, { path: modelPath, location })
  const isAbsolute = /^([/\\]|[A-Za-z]:)/.test(location)
  if (isAbsolute || location.includes('\0') || location.split(/[/\\]/).includes('..')) throw refuse('which is not a path inside its folder')
  const path = join(dirname(modelPath), location)
  const real = await realpath(path).catch(() => undefined)
  // Opening explains what is missing.
  if (real === undefined) return path
  if (!folders.some(folder => real.startsWith(folder.endsWith(sep) ? folder : folder + sep)))
    throw refuse('a link to outside the folder of the model')
  return real
}

async function readGroup(
  modelPath: string,
  path: string,
  tensors: readonly ExternalTensor[],
  signal: AbortSignal | undefined,
): Promise<FileIdentity> {
  const file = await ByteFile.open(path)
  try {
    const ranges = new Map<string, Uint8Array>()
    let total = 0
    for (const { what, type, elements, byteLength, offset, tensor } of tensors) {
      const key = `${offset} ${byteLength}`
      let bytes = ranges.get(key)
      if (!bytes) {
        total += byteLength
        // Each byte belongs to one tensor, so a small file cannot ask for much memory.
        if (total > file.size && offset + byteLength <= file.size)
          throw new HenceError('FILE_MALFORMED', `${modelPath}: ${what}: tensors overlap in ${path}`, {
            path: modelPath,
            external: path,
            offset,
          })
        bytes = await file.read(offset, byteLength, signal)
        ranges.set(key, bytes)
      }
      const data = elementsOf(type, bytes, elements)
      if (!data)
        throw new HenceError('FILE_MALFORMED', `${modelPath}: ${what}: a bool is neither 0 nor 1`, {
          path: modelPath,
          external: path,
          offset,
        })
      if (byteLength < SMALLEST_LAZY_BYTES) (tensor as { data: typeof data }).data = data
      else makeLazy(tensor, data, () => elementsOf(type, readAgain(file.identity, offset, byteLength), elements)!)
    }
    return file.identity
  } finally {
    await file.close()
  }
}
