import { type ErrorDetails, HenceError, nearest } from '../core/index.ts'

/** Depth to which components of a tokenizer file may nest; published files use two. */
export const MAX_DEPTH = 8

/** Largest id plus one that a vocabulary may have; the largest published vocabularies have about 260,000 tokens. */
export const MAX_VOCABULARY: number = 1 << 22

/** A `TOKENIZER_INVALID` error. */
export function invalid(message: string, details: ErrorDetails = {}): HenceError {
  return new HenceError('TOKENIZER_INVALID', message, details)
}

/** A value of parsed JSON as an object. */
export function asRecord(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(value, where, 'an object')
  return value as Record<string, unknown>
}

/** A value of parsed JSON as an array. */
export function asList(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrongType(value, where, 'a list')
  return value
}

/** A value of parsed JSON as a string. */
export function asString(value: unknown, where: string): string {
  if (typeof value !== 'string') throw wrongType(value, where, 'a string')
  return value
}

/** A value of parsed JSON as a token id. */
export function asId(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw wrongType(value, where, 'a token id')
  if (value >= MAX_VOCABULARY)
    throw invalid(`${where} is ${value}, beyond the largest id ${MAX_VOCABULARY - 1}`, { where, id: value, limit: MAX_VOCABULARY })
  return value
}

/** A count of parsed JSON, at most `limit`. */
export function asCount(value: unknown, where: string, limit: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > limit)
    throw wrongType(value, where, `a whole number up to ${limit}`)
  return value
}

/** A flag of parsed JSON; absent or null means `fallback`. */
export function asFlag(value: unknown, where: string, fallback: boolean): boolean {
  if (value === undefined || value === null) return fallback
  if (typeof value !== 'boolean') throw wrongType(value, where, 'true or false')
  return value
}

/** The error for a component whose `type` is none of `known`. */
export function unknownKind(component: string, kind: string, known: readonly string[]): HenceError {
  const guess = nearest(kind, known)
  return invalid(`unknown ${component} "${kind}"; known are ${known.join(', ')}`, {
    component,
    kind,
    known,
    ...(guess === undefined ? {} : { nearest: guess }),
  })
}

/** Refuses components nested deeper than {@link MAX_DEPTH}. */
export function checkDepth(depth: number, where: string): void {
  if (depth > MAX_DEPTH) throw invalid(`${where} is nested deeper than ${MAX_DEPTH}`, { where, limit: MAX_DEPTH })
}

function wrongType(value: unknown, where: string, wanted: string): HenceError {
  const got = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : JSON.stringify(value)
  return invalid(`${where} should be ${wanted}, not ${String(got).slice(0, 100)}`, { where, wanted })
}
