import { extname } from 'node:path'
import { bf16ToF32, type ElementType, f16ToF32, type ModelValue, type Tensor } from '../core/index.ts'
import { STORAGE_TYPES, type StorageType, writeNpy, writeNpz, writeSafetensors } from '../formats/index.ts'
import { usageError } from './flags.ts'
import { tableLines } from './table.ts'

const SHOWN = 8

/** Outputs for people: name, type, shape, and how the numbers begin. */
export function valueLines(values: Readonly<Record<string, ModelValue>>): string[] {
  return tableLines(
    Object.entries(values).map(([name, value]) => {
      if (!('data' in value)) return [name, value.kind, '', shorten(JSON.stringify(plainValue(value)))]
      return [name, value.dtype, `[${value.shape.join(', ')}]`, beginning(value)]
    }),
  )
}

function beginning(tensor: Tensor<ElementType>): string {
  const { dtype, data } = tensor
  const width = dtype === 'c64' || dtype === 'c128' ? 2 : 1
  const first = Array.from({ length: Math.min(SHOWN, data.length) }, (_, i) => shownElement(elementAt(tensor, i)))
  const rest = (data.length - first.length) / width
  return first.join(' ') + (rest > 0 ? ' …' : '')
}

function shownElement(value: number | string | boolean | bigint): string {
  if (typeof value === 'string') return JSON.stringify(shorten(value))
  return typeof value === 'number' ? String(Number(value.toPrecision(5))) : String(value)
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** A value as plain JSON data: numbers as numbers, integers beyond 2⁵³ and numbers that JSON lacks as texts. */
export function plainValue(value: ModelValue): unknown {
  if ('data' in value) {
    const { dtype, shape, data } = value
    return { dtype, shape, data: Array.from({ length: data.length }, (_, i) => plainElement(elementAt(value, i))) }
  }
  if (value.kind === 'sequence') return { kind: 'sequence', items: value.items.map(plainValue) }
  if (value.kind === 'optional') return { kind: 'optional', value: value.value ? plainValue(value.value) : null }
  const entries = [...value.entries].map(([key, entry]) => [
    String(key),
    typeof entry === 'object' ? plainValue(entry) : plainElement(entry),
  ])
  return { kind: 'map', entries: Object.fromEntries(entries) }
}

function plainElement(value: number | string | boolean | bigint): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}

function elementAt({ dtype, data }: Tensor<ElementType>, at: number): number | string | boolean | bigint {
  const value = data[at]!
  if (dtype === 'f16') return f16ToF32(value as number)
  if (dtype === 'bf16') return bf16ToF32(value as number)
  return dtype === 'bool' ? value === 1 : value
}

/** Refuses a path whose extension says no format, before any work is done. @throws HenceError `USAGE` */
export function checkResultPath(path: string, outputs: number): void {
  const extension = extname(path).toLowerCase()
  if (!['.safetensors', '.npz', '.npy'].includes(extension))
    throw usageError(`--output must end in .safetensors, .npz or .npy, is "${path}"`, { value: path })
  if (extension === '.npy' && outputs !== 1)
    throw usageError(`a .npy file holds one tensor, the model has ${outputs} outputs`, { value: path, hint: 'Write a .npz file.' })
}

/** Writes outputs to a file of the format its extension says. @throws HenceError `USAGE` (values the format cannot hold), about the file */
export async function writeResult(path: string, values: Readonly<Record<string, ModelValue>>): Promise<void> {
  const tensors = new Map<string, Tensor<ElementType>>()
  for (const [name, value] of Object.entries(values)) {
    if (!('data' in value))
      throw usageError(`the output "${name}" is a ${value.kind}, which ${path} cannot hold`, { output: name, hint: 'Use --json.' })
    tensors.set(name, value)
  }
  if (/\.npy$/i.test(path)) return writeNpy(path, [...tensors.values()][0]!)
  if (/\.npz$/i.test(path)) return writeNpz(path, tensors)
  const stored = [...tensors].map(([name, { dtype, shape, data }]) => {
    if (!Object.hasOwn(STORAGE_TYPES, dtype) || Array.isArray(data))
      throw usageError(`the output "${name}" is of type ${dtype}, which safetensors cannot hold`, {
        output: name,
        hint: 'Write a .npz file.',
      })
    return { name, type: dtype as StorageType, shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) }
  })
  return writeSafetensors(path, { tensors: stored })
}
