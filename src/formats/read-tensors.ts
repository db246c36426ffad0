import { type DType, type ElementType, HenceError, type Tensor, throwIfAborted, viewAs } from '../core/index.ts'
import { ByteFile } from './byte-file.ts'
import type { StoredTensor } from './checkpoint.ts'
import { readNpy } from './npy/npy-file.ts'
import { readNpz } from './npy/npz-file.ts'
import { looksLikeSafetensors } from './safetensors/header.ts'
import { openSafetensors } from './safetensors/open-safetensors.ts'
import { STORAGE_TYPES } from './storage-types.ts'
import { TensorSet } from './tensor-set.ts'

const HEAD_BYTES = 64

/** Options of {@link readTensors}. */
export interface ReadTensorsOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads all tensors of a .safetensors file (or the index of several), a .npz file, or a .npy file, whose one tensor is
 * called `array`. What it is, is told from its content.
 *
 * @throws HenceError `FORMAT_UNKNOWN`, or about the file
 * @example
 * ```ts
 * import { readTensors } from 'hence'
 * const weights = await readTensors('weights.safetensors')
 * const kernel = weights.get('conv1.weight')
 * ```
 */
export async function readTensors(path: string, options: ReadTensorsOptions = {}): Promise<TensorSet> {
  throwIfAborted(options.signal)
  const head = await readHead(path, options)
  if (begins(head, '\x93NUMPY')) return new TensorSet(path, new Map([['array', await readNpy(path, options)]]))
  if (begins(head, 'PK')) return new TensorSet(path, await readNpz(path, options))
  if (looksLikeSafetensors(head) || /^\s*\{/.test(Buffer.from(head).toString('latin1'))) return readSafetensors(path, options)
  throw new HenceError('FORMAT_UNKNOWN', `${path} is no file of tensors`, {
    path,
    hint: 'Tensors are read from .safetensors, .npz and .npy files.',
  })
}

async function readHead(path: string, { signal }: ReadTensorsOptions): Promise<Uint8Array> {
  const file = await ByteFile.open(path)
  try {
    return await file.read(0, Math.min(file.size, HEAD_BYTES), signal)
  } finally {
    await file.close()
  }
}

function begins(head: Uint8Array, text: string): boolean {
  return head.length >= text.length && [...text].every((character, i) => head[i] === character.charCodeAt(0))
}

async function readSafetensors(path: string, options: ReadTensorsOptions): Promise<TensorSet> {
  const file = await openSafetensors(path, options)
  try {
    for (const [type, names] of file.unsupported)
      throw new HenceError('FORMAT_UNSUPPORTED', `${path}: ${names.length} tensors of type ${type}, the first "${names[0]}"`, {
        path,
        type,
        tensors: names.slice(0, 10),
      })
    const tensors = new Map<string, Tensor<ElementType>>()
    for (const [name, stored] of file.tensors) tensors.set(name, await readStored(stored, options.signal))
    return new TensorSet(path, tensors)
  } finally {
    await file.close()
  }
}

async function readStored(stored: StoredTensor, signal: AbortSignal | undefined): Promise<Tensor<ElementType>> {
  // Everything safetensors can hold is a plain type, whose name is that of the elements.
  const dtype = stored.type as DType
  const bytes = await stored.read(0, stored.byteLength, signal)
  const data = viewAs(dtype, bytes.buffer, bytes.byteOffset, bytes.byteLength / STORAGE_TYPES[stored.type].blockBytes)
  return { dtype, shape: stored.shape, data }
}
