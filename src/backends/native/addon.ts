/** A handle of the addon: a device, a region of memory, or an execution. */
export type NativeHandle = { readonly __native: unique symbol }

/** The functions of the native addon; see native/addon.cc. A region function gives an errno where it fails. */
export interface Addon {
  targets(): string[]
  createDevice(threads: number, target: string): NativeHandle
  destroyDevice(device: NativeHandle): void
  regionAnonymous(bytes: number): NativeHandle | number
  regionCreateFile(path: string, bytes: number): NativeHandle | number
  regionOpenFile(path: string, bytes: number): NativeHandle | number
  regionArrayBuffer(region: NativeHandle): ArrayBuffer
  regionSync(region: NativeHandle): Promise<number>
  release(handle: NativeHandle): void
  layoutFor(type: number, bytes?: Uint8Array): number
  packedBytes(layout: number, n: number, k: number): number
  pack(
    device: NativeHandle,
    region: NativeHandle,
    offset: number,
    type: number,
    bytes: Uint8Array,
    firstRow: number,
    rowCount: number,
    layout: number,
    n: number,
    k: number,
  ): Promise<number>
  packTransposed(
    device: NativeHandle,
    region: NativeHandle,
    offset: number,
    type: number,
    bytes: Uint8Array,
    n: number,
    k: number,
  ): Promise<number>
  copy(region: NativeHandle, offset: number, bytes: Uint8Array): void
  createExecution(
    device: NativeHandle,
    regions: readonly NativeHandle[],
    words: Uint32Array,
    floats: Float32Array,
    buffers: Uint32Array,
    matrices: Uint32Array,
    limits: Int32Array,
    precision: number,
    maxContext: number,
  ): NativeHandle
  /** Seconds of computing; with 0 threads at once, on the calling thread. */
  run(
    device: NativeHandle,
    execution: NativeHandle,
    begin: number,
    end: number,
    dims: Int32Array,
    threads: number,
    /** Gets the seconds of each instruction. */
    seconds?: Float64Array,
  ): number | Promise<number>
  stop(execution: NativeHandle): void
  measureBandwidth(device: NativeHandle, bytes: number, rounds: number): Promise<number>
  measurePeak(device: NativeHandle, precision: number, rounds: number): Promise<number>
}

/** Packed layouts by the number the addon knows them by; the order of `Layout` in native/kernels.h. */
export const LAYOUTS = [
  'f32',
  'f16',
  'bf16',
  'i8',
  'i8-min',
  'i4',
  'i4-min',
  'i6',
  'i6-min',
  'i4-super32',
  'i6-super32',
  'i4-super16-min',
  'i4-super16',
  'i6-super16',
  'i8-super16',
  's8',
] as const
