import { access, constants, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { HenceError } from '../core/index.ts'

/** Writes a file. @throws HenceError `FILE_UNREADABLE` */
export async function writeText(path: string, content: string): Promise<void> {
  await writeFile(path, content).catch((error: NodeJS.ErrnoException) => {
    throw unwritable(path, error)
  })
}

/** Sees whether there is a folder for a file, before the work that the file is for. @throws HenceError `FILE_UNREADABLE` */
export async function checkFolderOf(path: string): Promise<void> {
  await access(dirname(resolve(path)), constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    throw unwritable(path, error)
  })
}

function unwritable(path: string, error: NodeJS.ErrnoException): HenceError {
  const reason = error.code ?? error.message
  return new HenceError('FILE_UNREADABLE', `${path} could not be written: ${reason}`, {
    path,
    reason,
    hint: 'Check that the folder exists and may be written to.',
    cause: error,
  })
}
