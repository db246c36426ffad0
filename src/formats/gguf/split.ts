import { access } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { HenceError } from '../../core/index.ts'
import type { GgufPart } from './part.ts'

/** `name-00001-of-00003.gguf`, as gguf-split names parts; numbers count from 1. */
const PART_NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/

/** `split.count` is 16 bits wide in the metadata; no published model has more than a few hundred parts. */
const MAX_PARTS = 4096

/** Number of parts the metadata announces, 1 when the file is whole. */
export function splitCount({ file, metadata }: GgufPart): number {
  const count = metadata.get('split.count') ?? 0
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0)
    throw new HenceError('FILE_MALFORMED', `${file.path}: split.count is not a count`, { path: file.path })
  if (count > MAX_PARTS)
    throw new HenceError('FILE_LIMIT', `${file.path}: ${count} parts are more than ${MAX_PARTS}, a limit of Hence's reader`, {
      path: file.path,
      count,
      limit: MAX_PARTS,
    })
  return Math.max(1, count)
}

/**
 * Paths of all parts, in order, from the path of any of them.
 *
 * @throws HenceError `FILE_MALFORMED` when the name is not a part's, `FILE_NOT_FOUND` naming the parts that are missing
 */
export async function partPaths(path: string, count: number): Promise<string[]> {
  const match = PART_NAME.exec(basename(path))
  if (match === null || Number(match[3]) !== count)
    throw new HenceError(
      'FILE_MALFORMED',
      `${path}: the file is one of ${count} parts, but its name does not end in -00001-of-${pad(count)}.gguf or the like`,
      {
        path,
        count,
      },
    )
  const paths = Array.from({ length: count }, (_, i) => join(dirname(path), `${match[1]}-${pad(i + 1)}-of-${pad(count)}.gguf`))
  const present = await Promise.all(
    paths.map(part =>
      access(part).then(
        () => true,
        () => false,
      ),
    ),
  )
  const missing = paths.filter((_, i) => !present[i]).map(part => basename(part))
  if (missing.length > 0)
    throw new HenceError(
      'FILE_NOT_FOUND',
      `${path}: ${missing.length} of ${count} parts ${missing.length === 1 ? 'is' : 'are'} missing: ${listed(missing)}`,
      {
        path,
        missing,
      },
    )
  return paths
}

/** Checks that the parts belong together: own number, same count, and the announced number of tensors. */
export function checkParts(parts: readonly GgufPart[]): void {
  for (const [index, part] of parts.entries()) {
    const number = part.metadata.get('split.no')
    if (splitCount(part) !== parts.length || number !== index)
      throw new HenceError(
        'FILE_MALFORMED',
        `${part.file.path}: the metadata says part ${String(number)} (from 0) of ${splitCount(part)}, the name says ${index} of ${parts.length}`,
        {
          path: part.file.path,
          index,
          count: parts.length,
        },
      )
  }
  const announced = parts[0]?.metadata.get('split.tensors.count')
  const found = parts.reduce((sum, part) => sum + part.tensors.length, 0)
  if (announced !== undefined && announced !== found)
    throw new HenceError(
      'FILE_MALFORMED',
      `${parts[0]?.file.path}: split.tensors.count says ${String(announced)} tensors, the parts hold ${found}`,
      {
        path: parts[0]?.file.path,
        announced: String(announced),
        found,
      },
    )
}

function pad(number: number): string {
  return String(number).padStart(5, '0')
}

function listed(names: readonly string[]): string {
  return names.length <= 10 ? names.join(', ') : `${names.slice(0, 10).join(', ')} and ${names.length - 10} more`
}
