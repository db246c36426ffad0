import { HenceError } from './errors.ts'
import { nearest } from './nearest.ts'

/** Says what a value must be when it is not, else undefined. */
export type OptionRule = (value: unknown) => string | undefined

/**
 * Checks the options a caller gives: known names, right types, sensible ranges. `undefined` counts as not given.
 *
 * @param where - name of the function, for messages
 * @throws HenceError `OPTION_INVALID`
 */
export function checkOptions(where: string, options: unknown, rules: Readonly<Record<string, OptionRule>>): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new HenceError('OPTION_INVALID', `${where}: options must be an object, got ${shown(options)}`)
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (!rule) throw unknownOption(where, name, Object.keys(rules))
    const wanted = rule(value)
    if (wanted !== undefined)
      throw new HenceError('OPTION_INVALID', `${where}: ${name} must be ${wanted}, is ${shown(value)}`, {
        option: name,
        value: shown(value),
      })
  }
}

function unknownOption(where: string, name: string, known: readonly string[]): HenceError {
  const close = nearest(name, known)
  return new HenceError('OPTION_INVALID', `${where} has no option "${name}"${close ? `; did you mean "${close}"?` : ''}`, {
    option: name,
    ...(close ? { nearest: close } : {}),
    known,
  })
}

/** A whole number in a range. */
export function integer(min: number, max: number): OptionRule {
  return value =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max ? undefined : `a whole number from ${min} to ${max}`
}

/** A number in a range. */
export function number(min: number, max: number): OptionRule {
  return value => (typeof value === 'number' && value >= min && value <= max ? undefined : `a number from ${min} to ${max}`)
}

/** One of several texts. */
export function oneOf(...choices: readonly string[]): OptionRule {
  return value => (choices.includes(value as string) ? undefined : choices.map(choice => `"${choice}"`).join(' or '))
}

export const boolean: OptionRule = value => (typeof value === 'boolean' ? undefined : 'true or false')
export const text: OptionRule = value => (typeof value === 'string' && value !== '' ? undefined : 'a text that is not empty')
export const plainObject: OptionRule = value =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : 'an object'
export const callback: OptionRule = value => (typeof value === 'function' ? undefined : 'a function')
export const abortSignal: OptionRule = value =>
  typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value ? undefined : 'an AbortSignal'

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value)
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? `an array of ${value.length}` : 'an object'
  return String(value)
}
