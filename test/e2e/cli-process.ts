import { Readable, Writable } from 'node:stream'
import { runCommandLine } from '../../src/cli/command-line.ts'
import type { Io } from '../../src/cli/io.ts'

/** What a command printed, and its exit code. */
export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** How a command is run. */
export interface CliOptions {
  readonly stdin?: string | Uint8Array
  /** Standard output and error are terminals. */
  readonly isTerminal?: boolean
  readonly env?: Io['env']
  /** Presses Ctrl-C once standard output or error holds this text. */
  readonly interruptAfter?: string
}

/** Runs a command line in this process. */
export async function hence(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const listeners = new Set<() => void>()
  const written = { stdout: '', stderr: '' }
  const sink = (name: keyof typeof written) => {
    const stream = new Writable({
      decodeStrings: false,
      write(chunk, _, done) {
        written[name] += String(chunk)
        const isDue = options.interruptAfter !== undefined && (written.stdout + written.stderr).includes(options.interruptAfter)
        if (isDue) for (const press of listeners) press()
        done()
      },
    })
    return Object.assign(stream, { isTTY: options.isTerminal })
  }
  const stdin = Readable.from([Buffer.from(options.stdin ?? '')])
  const io: Io = {
    stdin,
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    env: options.env ?? {},
    onInterrupt(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const code = await runCommandLine(argv, io)
  return { code, ...written }
}
