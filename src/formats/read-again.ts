import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { HenceError } from '../core/index.ts'
import type { FileIdentity } from './checkpoint.ts'

/**
 * Bytes of a file that was read before, once more.
 *
 * @throws HenceError `FILE_UNREADABLE` when the file is gone or another one by now
 */
export function readAgain({ path, size, mtimeMs, inode }: FileIdentity, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const refuse = (reason: string, cause?: unknown): HenceError =>
    new HenceError('FILE_UNREADABLE', `${path} ${reason} since the model was loaded; its weights cannot be read again`, {
      path,
      hint: 'Keep the files of a model as they are while it is loaded, or load it again.',
      ...(cause === undefined ? {} : { cause }),
    })
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (cause) {
    throw refuse('went away', cause)
  }
  try {
    const now = fstatSync(file)
    if (now.size !== size || now.mtimeMs !== mtimeMs || now.ino !== inode) throw refuse('changed')
    const bytes = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const count = readSync(file, bytes, done, length - done, offset + done)
      if (count === 0) throw refuse('became shorter')
      done += count
    }
    return bytes
  } finally {
    closeSync(file)
  }
}
