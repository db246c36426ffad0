import { type Flag, type Flags, type FlagValues, switchFlag } from './flags.ts'
import type { Io } from './io.ts'

/** Exit codes: done, failed, called wrongly, stopped by Ctrl-C. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** Flags that every command has. */
export const COMMON_FLAGS: { readonly json: Flag<boolean>; readonly help: Flag<boolean> } = {
  json: switchFlag('one JSON document on standard output, nothing else'),
  help: switchFlag('this help'),
}

/** What a command is called with. */
export interface Call<F extends Flags> {
  readonly flags: FlagValues<F> & FlagValues<typeof COMMON_FLAGS>
  readonly positionals: readonly string[]
  readonly io: Io
}

/** One command: what it is for, its flags, and what it does. */
export interface Command<F extends Flags = Flags> {
  readonly name: string
  /** One line, lower case, no full stop. */
  readonly summary: string
  /** What follows `hence` on the command line. */
  readonly usage: string
  /** Flags under headings, in the order of help. */
  readonly flags: F
  /** Sentences after the flags. */
  readonly notes?: readonly string[]
  readonly examples: readonly string[]
  /** @returns the exit code */
  run(call: Call<F>): Promise<number>
}

/** Types a command's `run` after its table of flags. */
export function defineCommand<F extends Flags>(command: Command<F>): Command<F> {
  return command
}
