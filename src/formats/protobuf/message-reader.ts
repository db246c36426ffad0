import type { HenceError } from '../../core/index.ts'
import type { ProtobufBytes } from './protobuf-bytes.ts'

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

/** Field numbers take 29 bits, as the protobuf encoding defines. */
const MAX_TAG = 2 ** 32

/**
 * Walks the fields of one protobuf message without copying: `while (reader.next()) switch (reader.field) …`. A field whose
 * value is not asked for is skipped. Source: the protobuf encoding specification.
 */
export class MessageReader {
  /** Number of the current field. */
  field: number = 0
  /** Position of the current field's tag; of the message itself at its end. */
  fieldStart: number
  readonly #file: ProtobufBytes
  /** How messages about errors call this kind of message. */
  readonly #what: string
  readonly #start: number
  readonly #end: number
  readonly #depth: number
  #at: number
  #wireType = VARINT
  #isTaken = true
  #low = 0
  #high = 0

  /** Reads the message in `file` from `start` to `end`, which the caller has checked. */
  constructor(file: ProtobufBytes, what: string, start = 0, end: number = file.bytes.length, depth = 0) {
    this.#file = file
    this.#what = what
    this.#start = start
    this.#end = end
    this.#depth = depth
    this.#at = start
    this.fieldStart = start
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (!this.#isTaken) this.#skip()
    const isEnd = this.#at >= this.#end
    this.fieldStart = isEnd ? this.#start : this.#at
    if (isEnd) return false
    const tag = this.#varint()
    this.field = tag >>> 3
    this.#wireType = tag & 7
    this.#isTaken = false
    if (tag >= MAX_TAG || this.field === 0) throw this.malformed(`${tag} is not the tag of a field`)
    return true
  }

  /** The same message from its beginning. */
  again(): MessageReader {
    return new MessageReader(this.#file, this.#what, this.#start, this.#end, this.#depth)
  }

  /** A signed integer; beyond 2⁵³ its low bits are lost. */
  int(): number {
    this.#take(VARINT)
    this.#varint()
    return (this.#high | 0) * 2 ** 32 + this.#low
  }

  /** The low 32 bits of an integer, signed. */
  int32(): number {
    this.#take(VARINT)
    this.#varint()
    return this.#low | 0
  }

  float(): number {
    this.#take(FIXED32)
    return this.#file.view.getFloat32(this.#advance(4), true)
  }

  /** Start and end of the current field's bytes. */
  span(): { readonly start: number; readonly end: number } {
    this.#take(LENGTH_DELIMITED)
    const length = this.#varint()
    const start = this.#advance(length)
    return { start, end: start + length }
  }

  /** A view of the current field's bytes. */
  bytes(): Uint8Array {
    const { start, end } = this.span()
    return this.#file.bytes.subarray(start, end)
  }

  /** UTF-8, each invalid sequence as U+FFFD. */
  text(): string {
    this.#file.countString(this)
    const { start, end } = this.span()
    return this.#file.text(start, end)
  }

  /** Text that names something: valid UTF-8. */
  name(): string {
    this.#file.countString(this)
    const { start, end } = this.span()
    const text = this.#file.text(start, end)
    if (text.includes('\ufffd') && !this.#file.isUtf8(start, end)) throw this.malformed('a name is not valid UTF-8')
    return text
  }

  /** The message in the current field. */
  message(what: string): MessageReader {
    this.#file.countMessage(this)
    const depth = this.#depth + 1
    if (depth > this.#file.limits.depth)
      throw this.limit(`messages nested deeper than ${this.#file.limits.depth}`, { limit: this.#file.limits.depth })
    const { start, end } = this.span()
    return new MessageReader(this.#file, what, start, end, depth)
  }

  /** Appends the integers of the current field, packed or single. */
  pushInts(list: number[]): void {
    if (this.#wireType !== LENGTH_DELIMITED) {
      this.#file.countNumbers(1, this)
      list.push(this.int())
      return
    }
    const { start, end } = this.span()
    this.#file.countNumbers(this.#file.countVarints(start, end), this)
    const values = new MessageReader(this.#file, this.#what, start, end, this.#depth)
    while (values.#at < end) {
      values.#varint()
      list.push((values.#high | 0) * 2 ** 32 + values.#low)
    }
  }

  /** Appends the single-precision numbers of the current field, packed or single. */
  pushFloats(list: number[]): void {
    if (this.#wireType === FIXED32) {
      this.#file.countNumbers(1, this)
      list.push(this.float())
      return
    }
    const { start, end } = this.#packed(4)
    this.#file.countNumbers((end - start) / 4, this)
    for (let at = start; at < end; at += 4) list.push(this.#file.view.getFloat32(at, true))
  }

  /** How many integers the current field has, packed or single; the field is taken. */
  countInts(): number {
    if (this.#wireType === VARINT) {
      this.#skip()
      return 1
    }
    const { start, end } = this.span()
    return this.#file.countVarints(start, end)
  }

  /** How many numbers of `size` bytes the current field has, packed or single; the field is taken. */
  countFixed(size: 4 | 8): number {
    if (this.#wireType === (size === 4 ? FIXED32 : FIXED64)) {
      this.#skip()
      return 1
    }
    const { start, end } = this.#packed(size)
    return (end - start) / size
  }

  /** Gives each integer of the current field as two halves of 32 bits, unsigned. */
  eachInt(visit: (low: number, high: number) => void): void {
    if (this.#wireType !== LENGTH_DELIMITED) {
      this.#take(VARINT)
      this.#varint()
      visit(this.#low, this.#high)
      return
    }
    const { start, end } = this.span()
    const values = new MessageReader(this.#file, this.#what, start, end, this.#depth)
    while (values.#at < end) {
      values.#varint()
      visit(values.#low, values.#high)
    }
  }

  /** Copies the numbers of `size` bytes of the current field to `target` and returns how many bytes that were. */
  copyFixed(size: 4 | 8, target: Uint8Array, at: number): number {
    if (this.#wireType === (size === 4 ? FIXED32 : FIXED64)) {
      this.#isTaken = true
      const start = this.#advance(size)
      target.set(this.#file.bytes.subarray(start, start + size), at)
      return size
    }
    const { start, end } = this.#packed(size)
    target.set(this.#file.bytes.subarray(start, end), at)
    return end - start
  }

  /** `FILE_MALFORMED` at the current field. */
  malformed(message: string, facts: Readonly<Record<string, unknown>> = {}): HenceError {
    return this.#file.error('FILE_MALFORMED', this.fieldStart, `${this.#what}: ${message}`, facts)
  }

  /** `FILE_LIMIT` at the current field. */
  limit(message: string, facts: Readonly<Record<string, unknown>> = {}): HenceError {
    return this.#file.error('FILE_LIMIT', this.fieldStart, `${this.#what}: ${message}, a limit of Hence's reader`, facts)
  }

  #take(wireType: number): void {
    if (this.#wireType !== wireType)
      throw this.malformed(`field ${this.field} has wire type ${this.#wireType}, expected ${wireType}`, { field: this.field })
    this.#isTaken = true
  }

  #packed(size: 4 | 8): { readonly start: number; readonly end: number } {
    const span = this.span()
    if ((span.end - span.start) % size !== 0)
      throw this.malformed(`field ${this.field}: ${span.end - span.start} bytes are not a whole count of ${size}-byte numbers`)
    return span
  }

  #skip(): void {
    this.#isTaken = true
    if (this.#wireType === VARINT) this.#varint()
    else if (this.#wireType === FIXED64) this.#advance(8)
    else if (this.#wireType === LENGTH_DELIMITED) this.#advance(this.#varint())
    else if (this.#wireType === FIXED32) this.#advance(4)
    else throw this.malformed(`field ${this.field} has wire type ${this.#wireType}, which Hence does not know`, { field: this.field })
  }

  /** Where the next `count` bytes start, which are then behind. */
  #advance(count: number): number {
    const start = this.#at
    if (count > this.#end - start) throw this.#ends(`${count} bytes`, start + count)
    this.#at = start + count
    return start
  }

  /** The unsigned value as a number; its halves stay in `#low` and `#high`. */
  #varint(): number {
    const { bytes } = this.#file
    const end = Math.min(this.#end, this.#at + 10)
    let low = 0
    let high = 0
    let shift = 0
    for (let at = this.#at; at < end; at++) {
      const byte = bytes[at]!
      const bits = byte & 127
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 128) {
        this.#at = at + 1
        this.#low = low >>> 0
        this.#high = high >>> 0
        return this.#high * 2 ** 32 + this.#low
      }
      shift += 7
    }
    if (end - this.#at === 10) throw this.malformed(`the integer at offset ${this.#at} is longer than ten bytes`)
    throw this.#ends('an integer', end + 1)
  }

  #ends(what: string, needed: number): HenceError {
    const beyondFile = needed > this.#file.bytes.length
    return this.#file.error(
      beyondFile ? 'FILE_TRUNCATED' : 'FILE_MALFORMED',
      this.#at,
      `${this.#what}: ${what} at offset ${this.#at} end${what === 'an integer' ? 's' : ''} beyond ${beyondFile ? `the file (${this.#file.bytes.length} bytes)` : `the message, which ends at ${this.#end}`}`,
      { field: this.field },
    )
  }
}
