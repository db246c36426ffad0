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
   * Reads a range of the tensor's bytes (all of them by default). Offsets count from the tensor's first byte.
   *
   * @throws HenceError `FILE_TRUNCATED`, `FILE_UNREADABLE`, `ABORTED`
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

/** Weights on disk, whatever the container. */
export interface Checkpoint {
  readonly format: 'gguf' | 'safetensors' | 'llama2c'
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** Every file the tensors come from, in order. */
  readonly files: readonly FileIdentity[]
  close(): Promise<void>
}
