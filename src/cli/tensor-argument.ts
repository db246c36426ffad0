import { extname } from 'node:path'
import {
  allocate,
  type DType,
  type ElementType,
  f32ToBf16,
  f32ToF16,
  type HenceError,
  type ModelValue,
  nearest,
  type Tensor,
  type ValueDescription,
  viewAs,
} from '../core/index.ts'
import { decodeValue, openSafetensors, readNpy, readNpz, readSmallFile } from '../formats/index.ts'
import { usageError } from './flags.ts'

const MAX_FILE_BYTES = 2 ** 32
const MAX_RANK = 16

/**
 * Reads what `--input` says: `name=FILE` for a .npy, .npz, .safetensors or .pb file, `name=[1, 2, 3]` for numbers or texts
 * as JSON, or a .npz or .safetensors file alone for all the inputs it names.
 *
 * @throws HenceError `USAGE`, or about the file
 */
export async function readTensorArguments(
  given: readonly string[],
  inputs: readonly ValueDescription[],
): Promise<Record<string, ModelValue>> {
  const values: Record<string, ModelValue> = {}
  for (const argument of given) {
    const equals = argument.indexOf('=')
    const isFileAlone = equals < 0 && /\.(npz|safetensors)$/i.test(argument)
    if (isFileAlone) {
      const known = new Set(inputs.map(({ name }) => name))
      for (const [name, tensor] of await readArchive(argument)) if (known.has(name)) values[name] = tensor
      continue
    }
    if (equals <= 0)
      throw usageError(`--input must be NAME=FILE or NAME=NUMBERS, is "${argument}"`, {
        value: argument,
        hint: `The model takes ${inputs.map(({ name }) => name).join(', ')}.`,
      })
    const name = argument.slice(0, equals)
    const input = inputs.find(candidate => candidate.name === name)
    if (!input) {
      const names = inputs.map(candidate => candidate.name)
      const close = nearest(name, names)
      throw usageError(`the model has no input "${name}"${close ? `; did you mean "${close}"?` : ''}`, { input: name, inputs: names })
    }
    values[name] = await readValue(input, argument.slice(equals + 1))
  }
  return values
}

async function readValue(input: ValueDescription, text: string): Promise<ModelValue> {
  if (/^\s*([[{"]|-?\d|true\b|false\b)/.test(text) && !/\.(npy|npz|safetensors|pb)$/i.test(text)) return fromJson(input, text)
  const extension = extname(text).toLowerCase()
  if (extension === '.npy') return readNpy(text)
  if (extension === '.pb') {
    const bytes = await readSmallFile(text, MAX_FILE_BYTES)
    // The kind alone decides how the file is read.
    return decodeValue(bytes, { kind: input.kind } as Parameters<typeof decodeValue>[1])
  }
  if (extension === '.npz' || extension === '.safetensors') {
    const tensors = await readArchive(text)
    const found = tensors.get(input.name) ?? (tensors.size === 1 ? [...tensors.values()][0] : undefined)
    if (found) return found
    throw usageError(`${text} has no tensor "${input.name}"; it has ${[...tensors.keys()].slice(0, 10).join(', ')}`, { path: text })
  }
  throw usageError(`--input ${input.name}: "${text}" is neither JSON nor a .npy, .npz, .safetensors or .pb file`, { value: text })
}

async function readArchive(path: string): Promise<Map<string, Tensor<ElementType>>> {
  if (/\.npz$/i.test(path)) return readNpz(path)
  const file = await openSafetensors(path)
  try {
    const tensors = new Map<string, Tensor<ElementType>>()
    for (const [name, { type, shape, read }] of file.tensors) {
      const bytes = await read()
      const length = shape.reduce((product, size) => product * size, 1)
      tensors.set(name, { dtype: type as DType, shape, data: viewAs(type as DType, bytes.buffer, bytes.byteOffset, length) })
    }
    return tensors
  } finally {
    await file.close()
  }
}

/** Nested arrays of numbers, truth values or texts. */
function fromJson(input: ValueDescription, text: string): Tensor<ElementType> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw usageError(`--input ${input.name}: "${text.slice(0, 60)}" is not JSON`, { input: input.name })
  }
  const shape: number[] = []
  for (let level = json; Array.isArray(level); level = level[0]) {
    shape.push(level.length)
    if (shape.length > MAX_RANK) throw usageError(`--input ${input.name}: more than ${MAX_RANK} axes`, { input: input.name })
  }
  const entries: unknown[] = []
  const collect = (level: unknown, axis: number): void => {
    const isRow = Array.isArray(level)
    if (isRow !== axis < shape.length || (isRow && level.length !== shape[axis]))
      throw usageError(`--input ${input.name}: the arrays are not all of one length`, { input: input.name })
    if (isRow) for (const item of level) collect(item, axis + 1)
    else entries.push(level)
  }
  collect(json, 0)
  const dtype = input.dtype ?? (typeof entries[0] === 'string' ? 'string' : 'f32')
  const data = allocate(dtype, entries.length)
  for (const [i, entry] of entries.entries()) data[i] = element(input.name, dtype, entry) as never
  return { dtype, shape, data }
}

function element(name: string, dtype: ElementType, value: unknown): number | bigint | string {
  const refuse = (): HenceError => usageError(`--input ${name}: ${JSON.stringify(value)} is not of type ${dtype}`, { input: name, dtype })
  if (dtype === 'string') {
    if (typeof value !== 'string') throw refuse()
    return value
  }
  const number = typeof value === 'boolean' ? Number(value) : value === 'NaN' ? Number.NaN : value
  if (typeof number !== 'number') throw refuse()
  if (dtype === 'f16') return f32ToF16(number)
  if (dtype === 'bf16') return f32ToBf16(number)
  if (dtype === 'f32' || dtype === 'f64') return number
  if (!Number.isSafeInteger(number) || !/^([iu]\d+|bool)$/.test(dtype)) throw refuse()
  return dtype === 'i64' || dtype === 'u64' ? BigInt(number) : number
}
