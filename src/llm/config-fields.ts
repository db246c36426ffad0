import { HenceError } from '../core/index.ts'

/** Bounds of a number read from a configuration. */
export interface FieldRange {
  readonly min: number
  readonly max: number
}

/**
 * Reads a model's settings, which come from a file and may be anything. A missing setting without a fallback, or one of
 * another type or out of range, is `CONFIG_INVALID`. `null` counts as missing.
 */
export class ConfigFields {
  readonly origin: string
  readonly #lookup: (name: string) => unknown

  /** @param origin - where the settings come from, for messages */
  constructor(origin: string, lookup: (name: string) => unknown) {
    this.origin = origin
    this.#lookup = lookup
  }

  /** Over the own properties of a plain object. */
  static ofObject(origin: string, object: Readonly<Record<string, unknown>>): ConfigFields {
    return new ConfigFields(origin, name => (Object.hasOwn(object, name) ? object[name] : undefined))
  }

  /** The same settings with some of their values replaced; `undefined` replaces nothing. */
  with(values: Readonly<Record<string, unknown>>): ConfigFields {
    return new ConfigFields(this.origin, name => (Object.hasOwn(values, name) ? values[name] : undefined) ?? this.#lookup(name))
  }

  /** The same settings with values for those that are missing. */
  withDefaults(values: Readonly<Record<string, unknown>>): ConfigFields {
    return new ConfigFields(this.origin, name => this.#lookup(name) ?? (Object.hasOwn(values, name) ? values[name] : undefined))
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined
  }

  raw(name: string): unknown {
    return this.#lookup(name) ?? undefined
  }

  /** True when the setting is there and says nothing on purpose. */
  isNull(name: string): boolean {
    return this.#lookup(name) === null
  }

  integer(name: string, { min, max }: FieldRange, fallback?: number): number {
    const value = this.number(name, { min, max }, fallback)
    if (!Number.isInteger(value)) throw this.invalid(`${name} is ${value}, must be a whole number`, { [name]: value })
    return value
  }

  number(name: string, { min, max }: FieldRange, fallback?: number): number {
    const value = this.raw(name) ?? fallback
    if (value === undefined) throw this.invalid(`${name} is missing`)
    if (typeof value !== 'number' || !(value >= min && value <= max))
      throw this.invalid(`${name} is ${show(value)}, must be a number from ${min} to ${max}`, { [name]: show(value), min, max })
    return value
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.raw(name) ?? fallback
    if (typeof value !== 'boolean') throw this.invalid(`${name} is ${show(value)}, must be true or false`)
    return value
  }

  text(name: string, fallback?: string): string {
    const value = this.raw(name) ?? fallback
    if (typeof value !== 'string') throw this.invalid(`${name} is ${value === undefined ? 'missing' : `${show(value)}, must be text`}`)
    return value
  }

  /** One of the keys of `table`, as its value. */
  choice<T>(name: string, table: Readonly<Record<string, T>>, fallback?: string): T {
    const key = this.text(name, fallback)
    if (!Object.hasOwn(table, key))
      throw this.invalid(`${name} "${show(key)}" is not known; known are ${Object.keys(table).join(', ')}`, { [name]: show(key) })
    return table[key]!
  }

  /** A list of numbers. */
  numbers(name: string, { min, max }: FieldRange, largestCount: number): number[] {
    return this.#list(
      name,
      largestCount,
      value => typeof value === 'number' && value >= min && value <= max,
      `numbers from ${min} to ${max}`,
    )
  }

  /** A list of texts. */
  texts(name: string, largestCount: number): string[] {
    return this.#list(name, largestCount, value => typeof value === 'string', 'texts')
  }

  #list<T>(name: string, largestCount: number, isMember: (value: unknown) => boolean, what: string): T[] {
    const raw = this.raw(name)
    if (raw === undefined) throw this.invalid(`${name} is missing`)
    // Numbers of GGUF metadata come in typed arrays.
    const value: unknown = ArrayBuffer.isView(raw) ? Array.from(raw as Int32Array) : raw
    if (!Array.isArray(value) || value.length > largestCount || !value.every(isMember))
      throw this.invalid(`${name} is ${show(value)}, must be a list of up to ${largestCount} ${what}`)
    return value as T[]
  }

  /** A nested object. */
  object(name: string): ConfigFields | undefined {
    const value = this.raw(name)
    if (value === undefined) return undefined
    if (typeof value !== 'object' || Array.isArray(value)) throw this.invalid(`${name} is ${show(value)}, must be an object`)
    return ConfigFields.ofObject(`${this.origin} ${name}`, value as Record<string, unknown>)
  }

  invalid(message: string, details: Readonly<Record<string, unknown>> = {}): HenceError {
    return new HenceError('CONFIG_INVALID', `${this.origin}: ${message}`, { origin: this.origin, ...details })
  }
}

/** A value short enough for a message. */
function show(value: unknown): string {
  const text =
    typeof value === 'string' ? value : (JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? v.toString() : v)) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
