import { type ElementType, HenceError, nearest, type Tensor, type TensorModelDescription } from '../../core/index.ts'
import { datatypeOf, elementBytes, isWireType, type WireType, wireTypeOf } from './datatypes.ts'
import { parseExactJson } from './exact-json.ts'
import { tensorFromBytes } from './tensor-bytes.ts'
import { MAX_RANK, tensorFromJson } from './tensor-json.ts'

/** Most elements of one tensor; bytes are bounded by the limit on bodies. */
const MAX_ELEMENTS = 2 ** 31
const MAX_OUTPUTS = 10_000

/** A checked request for inference. */
export interface InferRequest {
  readonly id?: string
  readonly inputs: Readonly<Record<string, Tensor<ElementType>>>
  /** Wanted outputs in order. */
  readonly outputs: readonly { readonly name: string; readonly isBinary: boolean }[]
  /** Microseconds, where the client says. */
  readonly timeoutUs?: number
}

/**
 * Reads a request of the Open Inference Protocol, with the binary tensor data extension.
 *
 * @param headerLength - value of `Inference-Header-Content-Length`, where it was sent; 0 for a raw body of one input
 * @throws HenceError `REQUEST_INVALID`
 */
export function readInferRequest(model: TensorModelDescription, body: Uint8Array, headerLength: string | undefined): InferRequest {
  if (headerLength === '0') return readRaw(model, body)
  const jsonBytes = headerLength === undefined ? body.length : Number(headerLength)
  if (!Number.isInteger(jsonBytes) || jsonBytes < 0 || jsonBytes > body.length)
    throw invalid(`Inference-Header-Content-Length must be a number of bytes up to those of the body, ${body.length}`)
  const document = objectOf('the body', parse(body.subarray(0, jsonBytes)))
  const parameters = document['parameters'] === undefined ? {} : objectOf('parameters', document['parameters'])
  const { id } = document
  if (id !== undefined && typeof id !== 'string') throw invalid('id must be a text')
  return {
    ...(id === undefined ? {} : { id }),
    inputs: readInputs(document['inputs'], new ByteReader(body.subarray(jsonBytes))),
    outputs: readOutputs(model, document['outputs'], parameters['binary_data_output'] === true),
    ...(typeof parameters['timeout'] === 'number' && parameters['timeout'] > 0 ? { timeoutUs: parameters['timeout'] } : {}),
  }
}

/** A body that is nothing but the bytes of the only input: one batch of it, all outputs as bytes. */
function readRaw(model: TensorModelDescription, body: Uint8Array): InferRequest {
  const [input, ...others] = model.inputs
  if (!input || others.length > 0 || input.dtype === undefined || !isWireType(input.dtype) || !input.shape)
    throw invalid('a body without a JSON part needs a model with one input of known type and rank')
  const known = input.shape.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 ? 1 : undefined))
  const fixed = known.reduce<number>((product, size) => product * (size ?? 1), 1)
  const isText = input.dtype === 'string'
  const elements = isText ? 1 : body.length / elementBytes(input.dtype)
  if (known.filter(size => size === undefined).length > 1)
    throw invalid(`the input "${input.name}" has more than one size that is not known`)
  const shape = known.map(size => size ?? elements / fixed)
  const count = checkShape(`the input "${input.name}"`, shape)
  const tensor = tensorFromBytes(`the input "${input.name}"`, input.dtype, shape, count, body)
  return { inputs: { [input.name]: tensor }, outputs: readOutputs(model, undefined, true) }
}

function readInputs(given: unknown, bytes: ByteReader): Record<string, Tensor<ElementType>> {
  if (!Array.isArray(given)) throw invalid('inputs must be an array')
  const tensors = new Map<string, Tensor<ElementType>>()
  for (const [index, entry] of given.entries()) {
    const at = `inputs[${index}]`
    const { name, datatype, shape, data, parameters } = objectOf(at, entry)
    if (typeof name !== 'string') throw invalid(`${at}.name must be a text`)
    if (tensors.has(name)) throw invalid(`${at}: the input "${shown(name)}" is given twice`)
    const dtype = typeof datatype === 'string' ? wireTypeOf(datatype) : undefined
    if (!dtype) throw invalid(`${at}.datatype must be one of BOOL, UINT8 … UINT64, INT8 … INT64, FP16, BF16, FP32, FP64, BYTES`)
    const count = checkShape(`${at}.shape`, shape)
    const size = parameters === undefined ? undefined : objectOf(`${at}.parameters`, parameters)['binary_data_size']
    tensors.set(name, readTensor(at, dtype, shape as number[], count, { data, size, bytes }))
  }
  bytes.end()
  return Object.fromEntries(tensors)
}

function readTensor(
  at: string,
  dtype: WireType,
  shape: readonly number[],
  count: number,
  { data, size, bytes }: { data: unknown; size: unknown; bytes: ByteReader },
): Tensor<ElementType> {
  if (size === undefined) {
    if (data === undefined) throw invalid(`${at} has neither data nor the parameter binary_data_size`)
    return tensorFromJson(`${at}.data`, dtype, shape, count, data)
  }
  if (data !== undefined) throw invalid(`${at} has data and binary_data_size; one of them must go`)
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw invalid(`${at}.parameters.binary_data_size must be a number of bytes`)
  return tensorFromBytes(at, dtype, shape, count, bytes.take(at, size as number))
}

/** Wanted outputs; all that are tensors when the request does not say. */
function readOutputs(model: TensorModelDescription, given: unknown, isBinaryByDefault: boolean): InferRequest['outputs'] {
  const known = model.outputs.map(({ name }) => name)
  if (given === undefined) {
    const carried = model.outputs.filter(({ kind, dtype }) => kind === 'tensor' && (dtype === undefined || datatypeOf(dtype) !== undefined))
    return carried.map(({ name }) => ({ name, isBinary: isBinaryByDefault }))
  }
  if (!Array.isArray(given) || given.length > MAX_OUTPUTS) throw invalid('outputs must be an array')
  return given.map((entry: unknown, index) => {
    const { name, parameters } = objectOf(`outputs[${index}]`, entry)
    if (typeof name !== 'string' || !known.includes(name)) {
      const close = typeof name === 'string' ? nearest(name, known) : undefined
      throw invalid(`outputs[${index}].name: the model has no such output${close ? `; did you mean "${close}"?` : ''}`)
    }
    const isBinary = parameters === undefined ? undefined : objectOf(`outputs[${index}].parameters`, parameters)['binary_data']
    return { name, isBinary: typeof isBinary === 'boolean' ? isBinary : isBinaryByDefault }
  })
}

/** @returns the product of the shape */
function checkShape(where: string, shape: unknown): number {
  if (!Array.isArray(shape) || shape.length > MAX_RANK || !shape.every(size => Number.isSafeInteger(size) && size >= 0))
    throw invalid(`${where} must be an array of up to ${MAX_RANK} whole numbers`)
  const count = (shape as number[]).reduce((product, size) => product * size, 1)
  if (count > MAX_ELEMENTS) throw invalid(`${where}: ${count} elements are more than one tensor can have`)
  return count
}

/** Takes the binary parts of a body one after the other. */
class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  take(where: string, length: number): Uint8Array {
    const left = this.#bytes.length - this.#at
    if (length > left) throw invalid(`${where} has ${length} bytes, but only ${left} are left of the body`)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  end(): void {
    const left = this.#bytes.length - this.#at
    if (left > 0) throw invalid(`${left} bytes of the body belong to no input`)
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return parseExactJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new HenceError('REQUEST_INVALID', 'the body is not valid JSON in UTF-8', { cause })
  }
}

function objectOf(where: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw invalid(`${where} must be an object`)
}

function shown(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}…` : name
}

function invalid(message: string): HenceError {
  return new HenceError('REQUEST_INVALID', message)
}
