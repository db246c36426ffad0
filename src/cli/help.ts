import { packageVersion } from '../core/index.ts'
import { COMMON_FLAGS, type Command, defineCommand, EXIT } from './command.ts'
import { usageError } from './flags.ts'
import { tableLines } from './table.ts'
import { writeJson } from './terminal.ts'

/** The help command over a list of commands, which is asked for late because help is one of them. */
export function helpCommand(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: 'help',
    summary: 'explains a command',
    usage: 'help [COMMAND]',
    flags: {},
    examples: ['hence help run'],
    async run({ flags, positionals, io }) {
      const [name] = positionals
      const command = name === undefined ? undefined : commands().find(candidate => candidate.name === name)
      if (name !== undefined && !command)
        throw usageError(`there is no command "${name}"`, {
          command: name,
          hint: `The commands are ${commands()
            .map(candidate => candidate.name)
            .join(', ')}.`,
        })
      if (flags.json) writeJson(io, command ? describe(command) : { commands: commands().map(describe) })
      else io.stdout.write(command ? helpOf(command) : overview(commands()))
      return EXIT.ok
    },
  })
}

/** Help on one command. */
export function helpOf({ name, summary, usage, flags, notes = [], examples }: Command): string {
  const rows = Object.entries({ ...flags, ...COMMON_FLAGS }).map(([flag, { placeholder, help, fallback, isList }]) => [
    `--${flag}${placeholder ? ` ${placeholder}` : ''}`,
    help + (isList ? ' (may be repeated)' : '') + (fallback ? ` [${fallback}]` : ''),
  ])
  return [
    `hence ${name}: ${summary}`,
    '',
    `usage: hence ${usage}`,
    '',
    ...tableLines(rows).map(line => `  ${line}`),
    ...(notes.length > 0 ? ['', ...notes] : []),
    '',
    'examples:',
    ...examples.map(example => `  ${example}`),
    '',
  ].join('\n')
}

function overview(commands: readonly Command[]): string {
  return [
    `Hence ${packageVersion()}, the inference engine for TypeScript`,
    '',
    ...tableLines(commands.map(({ usage, summary }) => [`  hence ${usage}`, summary])),
    '',
    'MODEL is a .gguf file, a Hugging Face folder, a safetensors file beside its config.json, a llama2.c .bin file, an .onnx file,',
    'or a name on the Hugging Face hub: org/name, org/name:Q4_K_M.',
    'Every command takes --json and --help. Exit codes: 0 done, 1 failed, 2 called wrongly, 130 stopped by Ctrl-C.',
    '',
  ].join('\n')
}

function describe({ name, summary, usage, flags, examples }: Command): unknown {
  const described = Object.entries({ ...flags, ...COMMON_FLAGS }).map(([flag, { help, placeholder, fallback, isList = false }]) => ({
    name: `--${flag}`,
    help,
    value: placeholder ?? null,
    default: fallback ?? null,
    isList,
  }))
  return { name, summary, usage: `hence ${usage}`, flags: described, examples }
}
