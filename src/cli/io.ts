import { stderr, stdin, stdout } from 'node:process'
import type { Readable, Writable } from 'node:stream'

/** A stream to write to that may be a terminal. */
export type Output = Writable & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined }

/** Everything a command touches besides files, so that tests can run commands inside their own process. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined }
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** Calls `listener` for every Ctrl-C, and when the process is asked to end, until the returned function is called. */
  onInterrupt(listener: () => void): () => void
}

/** The process's own streams. A reader that goes away, as `head` does, ends the process quietly. */
export function processIo(): Io {
  for (const stream of [stdout, stderr])
    stream.on('error', error => {
      if ((error as { code?: string }).code === 'EPIPE') process.exit(0)
      throw error
    })
  return {
    stdin,
    stdout,
    stderr,
    env: process.env,
    onInterrupt(listener) {
      process.on('SIGINT', listener).on('SIGTERM', listener)
      return () => process.off('SIGINT', listener).off('SIGTERM', listener)
    },
  }
}
