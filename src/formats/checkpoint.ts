import type { StorageType } from './storage-types.ts'

/** One tensor inside a file: described and bounds-checked, its bytes not read yet. */
export interface StoredTensor {
  /** The name in the file. */
  readonly name: string
  /** How the elements are encoded. */
  readonly type: StorageType
  /** Row-major, outermost dimension first: a linear layer is `[out, in]`. */
  readonly shape: readonly number[]
  readonly byteLength: number
  /**
   * Reads a range of the tensor's bytes (all of them by default) into memory of its own. Offsets count from the tensor's
   * first byte.
   *
   * @throws HenceError `FILE_TRUNCATED`, `FILE_UNREADABLE`, `OPTION_INVALID`, `DISPOSED`, `ABORTED`
   */
  read(byteOffset?: number, byteLength?: number, signal?: AbortSignal): Promise<Uint8Array>
}

/** A file as the operating system identifies it; a change of any field means the content may have changed. */
export interface FileIdentity {
  readonly path: string
  readonly size: number
  readonly mtimeMs: number
  readonly inode: number
}

/** Names of tensors whose encoding Hence cannot read, by the encoding's name. */
export type UnsupportedTensors = ReadonlyMap<string, readonly string[]>

/** Weights on disk, whatever the container. */
export interface Checkpoint {
  readonly format: 'gguf' | 'safetensors' | 'llama2c'
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** Every file the tensors come from, in order. */
  readonly files: readonly FileIdentity[]
  /** Tensors left out of `tensors` because of their type; see {@link requireSupported}. */
  readonly unsupported?: UnsupportedTensors
  close(): Promise<void>
}
