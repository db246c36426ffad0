import { parseArgs } from 'node:util'
import { HenceError, nearest } from '../core/index.ts'

/** One flag of a command; `T` is what its value becomes. */
export interface Flag<T> {
  readonly help: string
  /** What stands for the value in help; absent for a switch. */
  readonly placeholder?: string
  /** The value when the flag is not given, in words. */
  readonly fallback?: string
  readonly isList?: boolean
  /** Turns the texts given (one, or all of a list) into the value; `undefined` stands for "not given". */
  read(name: string, given: readonly string[]): T
}

/** Flags by their names. */
export type Flags = Readonly<Record<string, Flag<unknown>>>
/** The values of a table of flags. */
export type FlagValues<F extends Flags> = { readonly [Name in keyof F]: F[Name] extends Flag<infer T> ? T : never }

/** A flag without a value. */
export function switchFlag(help: string): Flag<boolean> {
  return { help, read: (_, given) => given.length > 0 }
}

/** A flag with any text; the last one given counts. */
export function textFlag(placeholder: string, help: string, fallback?: string): Flag<string | undefined> {
  return { help, placeholder, ...(fallback === undefined ? {} : { fallback }), read: (_, given) => given.at(-1) }
}

/** A flag that may be given several times. */
export function listFlag(placeholder: string, help: string): Flag<readonly string[]> {
  return { help, placeholder, isList: true, read: (_, given) => given }
}

/** A flag with one of several values. */
export function choiceFlag<const T extends string>(choices: readonly T[], help: string, fallback?: string): Flag<T | undefined> {
  return {
    help,
    placeholder: choices.join('|'),
    ...(fallback === undefined ? {} : { fallback }),
    read(name, given) {
      const value = given.at(-1)
      if (value === undefined || (choices as readonly string[]).includes(value)) return value as T | undefined
      const close = nearest(value, choices)
      throw usageError(`--${name} must be ${choices.join(' or ')}, is "${value}"${close ? `; did you mean "${close}"?` : ''}`, {
        flag: name,
        value,
        choices,
      })
    },
  }
}

/** Bounds of a number, both allowed. */
export interface Bounds {
  readonly min: number
  readonly max: number
}

/** A flag with a whole number. */
export function integerFlag(placeholder: string, help: string, bounds: Bounds, fallback?: string): Flag<number | undefined> {
  return numeric(placeholder, help, fallback, 'a whole number', bounds, Number.isSafeInteger)
}

/** A flag with a number. */
export function numberFlag(placeholder: string, help: string, bounds: Bounds, fallback?: string): Flag<number | undefined> {
  return numeric(placeholder, help, fallback, 'a number', bounds, Number.isFinite)
}

function numeric(
  placeholder: string,
  help: string,
  fallback: string | undefined,
  kind: string,
  { min, max }: Bounds,
  isKind: (value: unknown) => boolean,
): Flag<number | undefined> {
  return {
    help,
    placeholder,
    ...(fallback === undefined ? {} : { fallback }),
    read(name, given) {
      const text = given.at(-1)
      if (text === undefined) return undefined
      const value = text.trim() === '' ? Number.NaN : Number(text.replaceAll('_', ''))
      if (isKind(value) && value >= min && value <= max) return value
      const range = max >= Number.MAX_SAFE_INTEGER ? `from ${min} on` : `from ${min} to ${max}`
      throw usageError(`--${name} must be ${kind} ${range}, is "${text}"`, { flag: name, value: text, min, max })
    },
  }
}

/** Arguments split into values of flags and the rest. */
export interface ParsedArguments<F extends Flags> {
  readonly flags: FlagValues<F>
  readonly positionals: readonly string[]
}

const SHORT: Readonly<Record<string, string>> = { h: 'help' }

/**
 * Reads the arguments of a command. After `--` nothing is a flag.
 *
 * @throws HenceError `USAGE` for unknown flags, with the nearest known one, and for values that do not fit
 */
export function parseFlags<F extends Flags>(commandName: string, table: F, argv: readonly string[]): ParsedArguments<F> {
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      Object.entries(table).map(([name, { placeholder }]) => {
        const short = Object.keys(SHORT).find(letter => SHORT[letter] === name)
        return [name, { type: placeholder === undefined ? 'boolean' : 'string', multiple: true, ...(short ? { short } : {}) }] as const
      }),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const given = new Map<string, string[]>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const flag = Object.hasOwn(table, token.name) ? table[token.name] : undefined
    if (!flag) throw unknownFlag(commandName, token.rawName, Object.keys(table))
    const list = given.get(token.name) ?? []
    list.push(valueFor(token, flag))
    given.set(token.name, list)
  }
  const values = Object.entries(table).map(([name, flag]) => [name, flag.read(name, given.get(name) ?? [])])
  return { flags: Object.fromEntries(values) as FlagValues<F>, positionals }
}

function valueFor(
  { name, rawName, value, inlineValue }: { name: string; rawName: string; value: string | undefined; inlineValue: boolean | undefined },
  { placeholder }: Flag<unknown>,
): string {
  if (placeholder === undefined) {
    if (value !== undefined) throw usageError(`${rawName} takes no value, got "${value}"`, { flag: name, value })
    return ''
  }
  const isFlagInstead = value !== undefined && !inlineValue && /^--?[a-z]/i.test(value)
  if (value === undefined || isFlagInstead)
    throw usageError(`${rawName} needs a value${isFlagInstead ? `; to give one that begins with a dash, write ${rawName}=${value}` : ''}`, {
      flag: name,
    })
  return value
}

function unknownFlag(commandName: string, rawName: string, known: readonly string[]): HenceError {
  const close = nearest(rawName.replace(/^--?/, ''), known)
  return usageError(`hence ${commandName} has no flag ${rawName}${close ? `; did you mean --${close}?` : ''}`, {
    flag: rawName,
    ...(close ? { nearest: `--${close}` } : {}),
    known: known.map(name => `--${name}`),
    hint: `See \`hence help ${commandName}\`.`,
  })
}

/** An error about how a command was called; exit code 2. */
export function usageError(message: string, details: Readonly<Record<string, unknown>> & { hint?: string } = {}): HenceError {
  return new HenceError('USAGE', message, details)
}
