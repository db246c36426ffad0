const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

/** Contents at least this long are held by reference, not copied. */
const REFERENCE_BYTES = 4096
const FIRST_CAPACITY = 64

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

const encoder = new TextEncoder()

/**
 * Writes the fields of one protobuf message, in the order of the calls. Long contents are not copied, so a message and the
 * messages around it share the memory of its weights. Source: the protobuf encoding specification.
 */
export class MessageWriter {
  readonly #chunks: Uint8Array[] = []
  #chunkBytes = 0
  #tail: Uint8Array = new Uint8Array(FIRST_CAPACITY)
  #length = 0

  /** Bytes written so far. */
  get byteLength(): number {
    return this.#chunkBytes + this.#length
  }

  /** An integer field; a number beyond the 64-bit range becomes the end of the range. */
  int(field: number, value: number | bigint): this {
    this.#tag(field, VARINT)
    this.#integer(value)
    return this
  }

  /** A single-precision field. */
  float(field: number, value: number): this {
    this.#tag(field, FIXED32)
    this.#append(new Uint8Array(Float32Array.of(value).buffer))
    return this
  }

  /** A double-precision field. */
  double(field: number, value: number): this {
    this.#tag(field, FIXED64)
    this.#append(new Uint8Array(Float64Array.of(value).buffer))
    return this
  }

  /** A field of text, as UTF-8. */
  text(field: number, value: string): this {
    return this.bytes(field, encoder.encode(value))
  }

  /** A field of bytes, which must not change before they are written out. */
  bytes(field: number, content: Uint8Array): this {
    this.#tag(field, LENGTH_DELIMITED)
    this.#unsigned(content.length)
    this.#append(content)
    return this
  }

  /** A field that is a message, which must not change afterwards. */
  message(field: number, content: MessageWriter): this {
    this.#tag(field, LENGTH_DELIMITED)
    this.#unsigned(content.byteLength)
    for (const chunk of content.chunks()) this.#append(chunk)
    return this
  }

  /** Integers packed into one field; nothing when there are none. */
  packedInts(field: number, values: readonly (number | bigint)[]): this {
    if (values.length === 0) return this
    const packed = new MessageWriter()
    for (const value of values) packed.#integer(value)
    return this.message(field, packed)
  }

  /** Single-precision numbers packed into one field; nothing when there are none. */
  packedFloats(field: number, values: readonly number[]): this {
    return values.length === 0 ? this : this.bytes(field, new Uint8Array(Float32Array.from(values).buffer))
  }

  /** The message in pieces, in order. */
  *chunks(): Generator<Uint8Array> {
    yield* this.#chunks
    if (this.#length > 0) yield this.#tail.subarray(0, this.#length)
  }

  /** The message in one piece of its own. */
  toBytes(): Uint8Array {
    const all = new Uint8Array(this.byteLength)
    let at = 0
    for (const chunk of this.chunks()) {
      all.set(chunk, at)
      at += chunk.length
    }
    return all
  }

  #tag(field: number, wireType: number): void {
    this.#unsigned(field * 8 + wireType)
  }

  /** Seven bits a byte, lowest first; a negative number as 64 bits of two's complement. */
  #integer(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)) {
      this.#unsigned(value)
      return
    }
    const exact = BigInt(value)
    let rest = BigInt.asUintN(64, exact < INT64_MIN ? INT64_MIN : typeof value === 'number' && exact > INT64_MAX ? INT64_MAX : exact)
    for (; rest > 127n; rest >>= 7n) this.#byte(Number(rest & 127n) | 128)
    this.#byte(Number(rest))
  }

  #unsigned(value: number): void {
    let rest = value
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#byte((rest % 128) | 128)
    this.#byte(rest)
  }

  #byte(byte: number): void {
    this.#reserve(1)
    this.#tail[this.#length++] = byte
  }

  #append(bytes: Uint8Array): void {
    if (bytes.length >= REFERENCE_BYTES) {
      this.#endChunk()
      this.#chunks.push(bytes)
      this.#chunkBytes += bytes.length
      return
    }
    this.#reserve(bytes.length)
    this.#tail.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #endChunk(): void {
    if (this.#length === 0) return
    this.#chunks.push(this.#tail.subarray(0, this.#length))
    this.#chunkBytes += this.#length
    this.#tail = new Uint8Array(FIRST_CAPACITY)
    this.#length = 0
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#tail.length) return
    const grown = new Uint8Array(Math.max(this.#length + count, 2 * this.#tail.length))
    grown.set(this.#tail.subarray(0, this.#length))
    this.#tail = grown
  }
}
