import { isUtf8 } from 'node:buffer'
import { type ErrorCode, HenceError } from '../../core/index.ts'

/** What one file may ask for. */
export interface ProtobufLimits {
  /** Messages within messages. */
  readonly depth: number
  readonly messages: number
  readonly strings: number
  /** Numbers kept in plain lists. */
  readonly numbers: number
}

/** Texts up to this length are compared with the one before. */
const MAX_REPEATED_BYTES = 32

/** Says where in the file reading stands. */
interface Place {
  limit(message: string, facts: Readonly<Record<string, unknown>>): HenceError
}

/** The bytes of a protobuf file and what is left of its allowances. */
export class ProtobufBytes {
  /** How messages about errors call the file. */
  readonly name: string
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly limits: ProtobufLimits
  readonly #buffer: Buffer
  /** The text decoded last, and where. */
  #text = ''
  #textStart = 0
  #textBytes = 0
  #messages = 0
  #strings = 0
  #numbers = 0

  constructor(name: string, bytes: Uint8Array, limits: ProtobufLimits) {
    this.name = name
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.limits = limits
    this.#buffer = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length)
  }

  /** UTF-8, each invalid sequence as U+FFFD. */
  text(start: number, end: number): string {
    // Trees give the same few words a million times.
    if (this.#isSameText(start, end)) return this.#text
    this.#text = this.#buffer.toString('utf8', start, end)
    this.#textStart = start
    this.#textBytes = end - start
    return this.#text
  }

  /** True when the bytes are those of the text before. */
  #isSameText(start: number, end: number): boolean {
    const { bytes } = this
    if (end - start !== this.#textBytes || this.#textBytes > MAX_REPEATED_BYTES) return false
    for (let i = 0; i < this.#textBytes; i++) if (bytes[start + i] !== bytes[this.#textStart + i]) return false
    return true
  }

  isUtf8(start: number, end: number): boolean {
    return isUtf8(this.bytes.subarray(start, end))
  }

  /** Integers of variable length between two positions: bytes that end one. */
  countVarints(start: number, end: number): number {
    const { bytes } = this
    let count = 0
    for (let at = start; at < end; at++) if (bytes[at]! < 128) count++
    return count
  }

  countMessage(at: Place): void {
    if (++this.#messages > this.limits.messages)
      throw at.limit(`more than ${this.limits.messages} messages`, { limit: this.limits.messages })
  }

  countString(at: Place): void {
    if (++this.#strings > this.limits.strings) throw at.limit(`more than ${this.limits.strings} strings`, { limit: this.limits.strings })
  }

  countNumbers(count: number, at: Place): void {
    this.#numbers += count
    if (this.#numbers > this.limits.numbers)
      throw at.limit(`more than ${this.limits.numbers} numbers in lists`, { limit: this.limits.numbers })
  }

  error(code: ErrorCode, offset: number, message: string, facts: Readonly<Record<string, unknown>>): HenceError {
    return new HenceError(code, `${this.name}: offset ${offset}: ${message}`, { path: this.name, offset, ...facts })
  }
}
