import { DTYPE_BYTES } from '../core/index.ts'
import type { Buffer } from './buffer.ts'
import { type DimValues, largestDim } from './dims.ts'
import type { Program } from './program.ts'

/** Where the buffers that live only during a run lie in the arena. */
export interface MemoryPlan {
  /** Byte offset by buffer id; multiples of 64. */
  readonly offsets: ReadonlyMap<number, number>
  readonly arenaBytes: number
  /** What the same buffers would take without sharing. */
  readonly unsharedBytes: number
}

const ALIGNMENT = 64

/** Bytes of a buffer when every dim is at its limit. */
export function largestBytes(buffer: Pick<Buffer, 'dtype' | 'shape'>, limits: DimValues): number {
  return buffer.shape.reduce<number>((bytes, dim) => bytes * largestDim(dim, limits), DTYPE_BYTES[buffer.dtype])
}

/**
 * Places inputs, outputs and scratch buffers in one arena: two buffers share bytes only when no instruction needs both.
 * Inputs live from the start, outputs to the end,
 * a viewed buffer as long as its views. Larger buffers are placed first, each at the lowest free offset.
 */
export function planMemory(program: Program, limits: DimValues): MemoryPlan {
  const lifetimes = new Map<number, { begin: number; end: number }>()
  const touch = (bufferId: number, at: number): void => {
    const id = program.buffers[bufferId]!.viewOf ?? bufferId
    const life = lifetimes.get(id)
    if (life) life.end = Math.max(life.end, at)
    else lifetimes.set(id, { begin: at, end: at })
  }
  const end = program.instructions.length
  for (const buffer of program.buffers) if (buffer.role === 'input') touch(buffer.id, -1)
  for (const [at, { inputs, outputs }] of program.instructions.entries())
    for (const id of [...inputs, ...outputs]) if (id !== null && isTransient(program.buffers[id]!)) touch(id, at)
  for (const buffer of program.buffers) if (buffer.role === 'output') touch(buffer.id, end)

  const placed: { begin: number; end: number; offset: number; bytes: number }[] = []
  const offsets = new Map<number, number>()
  const sizes = [...lifetimes].map(([id, life]) => ({ id, ...life, bytes: align(largestBytes(program.buffers[id]!, limits)) }))
  for (const item of sizes.sort((a, b) => b.bytes - a.bytes || a.id - b.id)) {
    let offset = 0
    for (const other of placed.filter(o => o.begin <= item.end && item.begin <= o.end).sort((a, b) => a.offset - b.offset)) {
      if (offset + item.bytes <= other.offset) break
      offset = Math.max(offset, other.offset + other.bytes)
    }
    placed.push({ ...item, offset })
    offsets.set(item.id, offset)
  }
  for (const { id, viewOf } of program.buffers) if (viewOf !== undefined && offsets.has(viewOf)) offsets.set(id, offsets.get(viewOf)!)
  return {
    offsets,
    arenaBytes: placed.reduce((most, p) => Math.max(most, p.offset + p.bytes), 0),
    unsharedBytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

function isTransient(buffer: Buffer): boolean {
  return buffer.role === 'scratch' || buffer.role === 'input' || buffer.role === 'output'
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
}
