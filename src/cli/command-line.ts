import { HenceError, isHenceError, nearest } from '../core/index.ts'
import { benchCommand } from './bench.ts'
import { chatCommand } from './chat.ts'
import { COMMON_FLAGS, type Command, EXIT } from './command.ts'
import { doctorCommand } from './doctor.ts'
import { parseFlags, usageError } from './flags.ts'
import { helpCommand, helpOf } from './help.ts'
import { inspectCommand } from './inspect.ts'
import type { Io } from './io.ts'
import { pullCommand } from './pull.ts'
import { runCommand } from './run.ts'
import { serveCommand } from './serve.ts'
import { printable } from './terminal.ts'
import { versionCommand } from './version.ts'

/** All commands, in the order of help. */
const COMMANDS: readonly Command[] = [
  runCommand,
  chatCommand,
  serveCommand,
  benchCommand,
  pullCommand,
  inspectCommand,
  doctorCommand,
  helpCommand(() => COMMANDS),
  versionCommand,
]

/**
 * Runs one command line. Never throws: failures are told on standard error, or as the JSON document with `--json`.
 *
 * @param argv - what follows `hence`
 * @returns the exit code: 0 done, 1 failed, 2 called wrongly, 130 stopped by Ctrl-C
 */
export async function runCommandLine(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io)
  } catch (error) {
    return report(error, argv, io)
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = argv
  if (first === undefined || first === '--help' || first === '-h')
    return findCommand('help').run({ flags: common(rest), positionals: [], io })
  if (first === '--version' || first === '-v') return findCommand('version').run({ flags: common(rest), positionals: [], io })
  if (first.startsWith('-')) throw usageError(`flags stand after the command; ${first} came first`, { hint: 'See `hence help`.' })
  const command = findCommand(first)
  if (isHelpAsked(rest)) {
    io.stdout.write(helpOf(command))
    return EXIT.ok
  }
  return command.run({ ...parseFlags(command.name, { ...command.flags, ...COMMON_FLAGS }, rest), io })
}

function common(argv: readonly string[]): ReturnType<typeof parseFlags<typeof COMMON_FLAGS>>['flags'] {
  return parseFlags('help', COMMON_FLAGS, argv).flags
}

/** Help is given whatever else is on the line, also when that is wrong. */
function isHelpAsked(argv: readonly string[]): boolean {
  return beforeDashes(argv).some(argument => argument === '--help' || argument === '-h')
}

function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--')
  return end < 0 ? argv : argv.slice(0, end)
}

function findCommand(name: string): Command {
  const found = COMMANDS.find(command => command.name === name)
  if (found) return found
  const names = COMMANDS.map(command => command.name)
  const close = nearest(name, names)
  throw usageError(`there is no command "${name}"${close ? `; did you mean "${close}"?` : ''}`, {
    command: name,
    ...(close ? { nearest: close } : {}),
    known: names,
    hint: `The commands are ${names.join(', ')}; see \`hence help\`.`,
  })
}

function report(error: unknown, argv: readonly string[], io: Io): number {
  const known = isHenceError(error) ? error : undefined
  const message = known?.message ?? (error instanceof Error ? error.message : String(error))
  const hint = known?.hint ?? 'This is a defect in Hence; set HENCE_DEBUG=1 to see where it comes from, and please report it.'
  if (beforeDashes(argv).includes('--json')) {
    const document = known instanceof HenceError ? known.toJSON() : { code: 'UNEXPECTED', message, hint, details: {} }
    io.stdout.write(`${JSON.stringify({ error: document }, undefined, 2)}\n`)
  } else io.stderr.write(`hence: ${printable(message)}\nhint: ${printable(hint)}\n`)
  if (io.env['HENCE_DEBUG'] && error instanceof Error) io.stderr.write(`${error.stack}\n`)
  if (known?.code === 'USAGE') return EXIT.usage
  return known?.code === 'ABORTED' ? EXIT.interrupted : EXIT.failed
}
