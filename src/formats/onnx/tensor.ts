import { allocate, type ElementType, makeLazy } from '../../core/index.ts'
import { checkedElementCount } from '../extents.ts'
import type { MessageReader } from '../protobuf/message-reader.ts'
import { readAgain } from '../read-again.ts'
import { type DataField, type OnnxElementType, onnxElementType, unsupportedElementType } from './element-types.ts'
import { readExternalTensor } from './external-entries.ts'
import type { OnnxTensor } from './model.ts'
import type { OnnxSource } from './onnx-source.ts'
import { alignment, elementsOf, entryCount, rawByteLength } from './tensor-elements.ts'

/** NumPy's limit, from which such tensors come. */
const MAX_DIMENSIONS = 64
/** Smaller tensors stay in memory: they are what shapes and scales are made of. */
export const SMALLEST_LAZY_BYTES: number = 64 * 1024

const DATA_FIELDS: Readonly<Record<DataField, number>> = {
  float_data: 4,
  int32_data: 5,
  string_data: 6,
  int64_data: 7,
  double_data: 10,
  uint64_data: 11,
}

/** A tensor and the name the file gives it. */
export interface NamedTensor {
  readonly name: string
  readonly tensor: OnnxTensor
}

/** What a TensorProto says besides its elements. */
interface Header {
  readonly name: string
  readonly code: number
  readonly shape: readonly number[]
  readonly raw: RawData | undefined
  readonly isExternal: boolean
}

interface RawData {
  readonly start: number
  readonly end: number
  /** Where the tag of the field is: bytes from there on are free to be overwritten. */
  readonly fieldStart: number
}

/** Reads a TensorProto. */
export function readTensor(source: OnnxSource, reader: MessageReader): NamedTensor {
  const { name, code, shape, raw, isExternal } = readHeader(reader)
  const what = `tensor "${name}"`
  const type = onnxElementType(code)
  if (type === undefined) {
    const known = unsupportedElementType(code)
    if (known !== undefined) throw source.error('FORMAT_UNSUPPORTED', reader.fieldStart, `${what}: Hence cannot read ${known}`, { code })
    throw reader.malformed(`${what}: ${code} is not an element type`, { tensor: name, code })
  }
  const elements = checkedElementCount(source.name, name, shape)
  if (isExternal) return { name, tensor: readExternalTensor(source, reader.again(), { what, name, type, shape, elements }) }
  const isRaw = raw !== undefined && (raw.end > raw.start || elements === 0)
  if (!isRaw) return { name, tensor: { dtype: type.dtype, shape, data: typedElements(reader, what, type, elements) } }
  const { file } = source
  const data = rawElements(source, reader, what, type, elements, raw)
  const { start, end } = raw
  if (!file || end - start < SMALLEST_LAZY_BYTES) return { name, tensor: { dtype: type.dtype, shape, data } }
  const make = (): OnnxTensor['data'] => elementsOf(type, readAgain(file, start, end - start), elements)!
  return { name, tensor: makeLazy({ dtype: type.dtype, shape }, data, make) }
}

function readHeader(reader: MessageReader): Header {
  let name = ''
  let code = 0
  const shape: number[] = []
  let raw: RawData | undefined
  let isExternal = false
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        reader.pushInts(shape)
        break
      case 2:
        code = reader.int32()
        break
      case 3:
        throw reader.malformed('a tensor in segments, which the format reserves and nothing writes')
      case 8:
        name = reader.name()
        break
      case 9:
        raw = { ...reader.span(), fieldStart: reader.fieldStart }
        break
      case 14:
        isExternal = reader.int32() === 1
        break
    }
  }
  if (shape.length > MAX_DIMENSIONS) throw reader.limit(`tensor "${name}": ${shape.length} dimensions are more than ${MAX_DIMENSIONS}`)
  if (shape.some(size => size < 0)) throw reader.malformed(`tensor "${name}": shape [${shape.join(', ')}] has a negative size`, { shape })
  return { name, code, shape, raw, isExternal }
}

function rawElements(
  source: OnnxSource,
  reader: MessageReader,
  what: string,
  type: OnnxElementType,
  elements: number,
  { start, end, fieldStart }: RawData,
): OnnxTensor['data'] {
  if (type.dtype === 'string') throw reader.malformed(`${what}: strings cannot be raw data`)
  const expected = rawByteLength(type, elements)
  if (end - start !== expected)
    throw reader.malformed(`${what}: ${elements} elements of ${type.dtype} take ${expected} bytes, raw_data has ${end - start}`, {
      expected,
      got: end - start,
    })
  // A view would keep the whole file in memory.
  if (source.file && expected < SMALLEST_LAZY_BYTES) return checked(elementsOf(type, source.bytes.slice(start, end), elements))
  const from = source.ownsBytes ? moveToAligned(source.bytes, start, end, fieldStart, alignment(type)) : start
  return checked(elementsOf(type, source.bytes.subarray(from, from + expected), elements))

  function checked(data: OnnxTensor['data'] | undefined): OnnxTensor['data'] {
    if (data === undefined) throw reader.malformed(`${what}: a bool is neither 0 nor 1`)
    return data
  }
}

/**
 * Moves the bytes back to an aligned place over their own tag and length, which are behind the reader, so that a view
 * serves and no second copy is held. Returns where they start.
 */
function moveToAligned(bytes: Uint8Array, start: number, end: number, fieldStart: number, align: number): number {
  const aligned = start - ((bytes.byteOffset + start) % align)
  if (aligned < fieldStart) return start
  if (aligned !== start) bytes.copyWithin(aligned, start, end)
  return aligned
}

/** The elements from the field of their type, which has one number for each (one for each byte of narrower ones). */
function typedElements(reader: MessageReader, what: string, type: OnnxElementType, elements: number): OnnxTensor['data'] {
  const field = DATA_FIELDS[type.field]
  const packs = type.bits < 8 && type.bits > 0
  const expected = packs ? rawByteLength(type, elements) : entryCount(type.dtype, elements)
  let got = 0
  for (let count = reader.again(); count.next(); ) if (count.field === field) got += countEntries(count, type.field)
  if (got !== expected)
    throw reader.malformed(`${what}: ${elements} elements of ${type.dtype} take ${expected} entries of ${type.field}, there are ${got}`, {
      expected,
      got,
    })
  const values = reader.again()
  if (type.field === 'string_data') return readStrings(values, field)
  if (type.field === 'float_data' || type.field === 'double_data') return readFixed(values, field, type, expected)
  const data = readIntegers(values, what, field, packs ? 'u8' : type.dtype, expected)
  const checked = packs || type.dtype === 'bool' ? elementsOf(type, data as Uint8Array, elements) : data
  if (checked === undefined) throw reader.malformed(`${what}: a bool is neither 0 nor 1`)
  return checked
}

function countEntries(reader: MessageReader, field: DataField): number {
  if (field === 'string_data') return 1
  if (field === 'float_data') return reader.countFixed(4)
  return field === 'double_data' ? reader.countFixed(8) : reader.countInts()
}

function readStrings(reader: MessageReader, field: number): string[] {
  const values: string[] = []
  while (reader.next()) if (reader.field === field) values.push(reader.text())
  return values
}

function readFixed(reader: MessageReader, field: number, { dtype }: OnnxElementType, count: number): OnnxTensor['data'] {
  const values = allocate(dtype as 'f32' | 'f64' | 'c64' | 'c128', count)
  const bytes = new Uint8Array(values.buffer)
  let at = 0
  while (reader.next()) if (reader.field === field) at += reader.copyFixed(values.BYTES_PER_ELEMENT as 4 | 8, bytes, at)
  return values
}

function readIntegers(reader: MessageReader, what: string, field: number, dtype: ElementType, count: number): OnnxTensor['data'] {
  const values = allocate(dtype as 'i32', count)
  // Integers of eight bytes are put in place as halves: no BigInt is made.
  const isWide = dtype === 'i64' || dtype === 'u64'
  const halves = isWide ? new Uint32Array(values.buffer) : undefined
  let i = 0
  const put = (low: number, high: number): void => {
    if (halves) {
      halves[i * 2] = low
      halves[i * 2 + 1] = high
    } else {
      values[i] = low
      const value = (high | 0) * 2 ** 32 + low
      // Some writers leave off the upper half of a negative number.
      if (values[i] !== value && (high !== 0 || values[i] !== (low | 0)))
        throw reader.malformed(`${what}: ${value} is out of the range of ${dtype}`)
    }
    i++
  }
  while (reader.next()) if (reader.field === field) reader.eachInt(put)
  return values
}
