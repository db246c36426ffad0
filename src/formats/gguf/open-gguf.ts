import { HenceError } from '../../core/index.ts'
import { ByteFile, closeAll } from '../byte-file.ts'
import type { Checkpoint, StoredTensor, UnsupportedTensors } from '../checkpoint.ts'
import { fileTensor } from '../file-tensor.ts'
import { type GgufPart, readGgufPart } from './part.ts'
import { checkParts, partPaths, splitCount } from './split.ts'
import type { GgufValue } from './values.ts'

/** An open GGUF model of one file or several. */
export interface GgufFile extends Checkpoint {
  readonly format: 'gguf'
  /** 2 or 3. */
  readonly version: number
  /** Metadata of the first part, in file order. */
  readonly metadata: ReadonlyMap<string, GgufValue>
  /** Bytes that tensor offsets are multiples of. */
  readonly alignment: number
  readonly unsupported: UnsupportedTensors
}

/**
 * Opens a GGUF file, versions 2 and 3; any part of a split model opens all of them. Nothing but headers is read.
 *
 * Source: the GGUF specification.
 *
 * @throws HenceError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `FILE_TRUNCATED`, `FILE_MALFORMED`, `FILE_LIMIT`,
 * `FORMAT_UNSUPPORTED`, `ABORTED`
 */
export async function openGguf(path: string, options: { signal?: AbortSignal | undefined } = {}): Promise<GgufFile> {
  const files: ByteFile[] = []
  try {
    const parts = await readParts(path, files, options.signal)
    return assemble(parts)
  } catch (error) {
    await closeAll(files)
    throw error
  }
}

/** Opens every part; `files` receives each as it is opened so that the caller can close them. */
async function readParts(path: string, files: ByteFile[], signal: AbortSignal | undefined): Promise<GgufPart[]> {
  const openPart = async (partPath: string): Promise<GgufPart> => {
    const file = await ByteFile.open(partPath)
    files.push(file)
    return readGgufPart(file, signal)
  }
  const named = await openPart(path)
  const count = splitCount(named)
  if (count === 1) return [named]
  const parts: GgufPart[] = []
  for (const partPath of await partPaths(named.file.path, count))
    parts.push(partPath === named.file.path ? named : await openPart(partPath))
  checkParts(parts)
  return parts
}

function assemble(parts: readonly GgufPart[]): GgufFile {
  const tensors = new Map<string, StoredTensor>()
  const unsupported = new Map<string, string[]>()
  const seen = new Set<string>()
  for (const part of parts)
    for (const { name, type, typeName, shape, offset } of part.tensors) {
      if (seen.has(name))
        throw new HenceError('FILE_MALFORMED', `${part.file.path}: tensor "${name}" is also in another part`, {
          path: part.file.path,
          tensor: name,
        })
      seen.add(name)
      if (type !== undefined) tensors.set(name, fileTensor(part.file, name, type, shape, offset))
      else if (!unsupported.get(typeName)?.push(name)) unsupported.set(typeName, [name])
    }
  const first = parts[0]!
  const files = parts.map(part => part.file)
  return {
    format: 'gguf',
    version: first.version,
    metadata: first.metadata,
    alignment: first.alignment,
    tensors,
    unsupported,
    files: files.map(file => file.identity),
    close: () => closeAll(files),
  }
}
