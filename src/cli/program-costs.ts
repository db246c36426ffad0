import { findAddon } from '../backends/index.ts'
import { isWeightType, type StoredTensor, WEIGHT_TYPES } from '../formats/index.ts'
import { type Buffer, expertShare, type Program, sourceTensors } from '../program/index.ts'

/** What a program's weights cost. */
export interface ProgramCosts {
  /** Bytes of all weights as the backend holds them. */
  readonly weightBytes: number
  /** Bytes of weights read to compute one token: all matrices, of lookup tables only a row, of experts those it is sent to. */
  readonly bytesPerToken: number
  /** Operations of all matmuls for one token, a multiply-add counted as two. */
  readonly operationsPerToken: number
}

/** Adds up the weights of a program as the native backend packs them, or as f32 without it. */
export function programCosts(program: Program, tensors: ReadonlyMap<string, StoredTensor>): ProgramCosts {
  const { addon } = findAddon()
  /** By what they are, because buffers that name the same weight share it. */
  const matrices = new Map<string, { bytes: number; rows: number; share: number; isMultiplied: boolean }>()
  let operationsPerToken = 0
  for (const instruction of program.instructions) {
    const { op, inputs } = instruction
    const share = expertShare(program.buffers, instruction)
    for (const [position, id] of inputs.entries()) {
      const buffer = id === null ? undefined : program.buffers[id]
      if (buffer?.role !== 'weight') continue
      const { rows, columns } = sizeOf(buffer)
      const isFactor = op === 'matmul' && position >= 3 && position % 2 === 1
      const isTable = op === 'gather' && position === 0
      if (isFactor) operationsPerToken += 2 * rows * columns * share
      const key = JSON.stringify(buffer.source)
      const known = matrices.get(key)
      const bytes = known?.bytes ?? (isFactor || isTable ? packedBytes(buffer, tensors) : rows * columns * 4)
      matrices.set(key, { bytes, rows: isTable ? rows : 1, share, isMultiplied: (known?.isMultiplied ?? false) || !isTable })
    }
  }

  function packedBytes(buffer: Buffer, stored: ReadonlyMap<string, StoredTensor>): number {
    const { rows, columns } = sizeOf(buffer)
    const type = buffer.source && stored.get(sourceTensors(buffer.source)[0]!)?.type
    if (!addon || !type) return rows * columns * 4
    // The addon numbers storage types in the order of WEIGHT_TYPES; what it cannot pack as it stands goes through f32.
    const source = WEIGHT_TYPES.indexOf(isWeightType(type) && !buffer.source.transpose ? type : 'f32')
    return addon.packedBytes(addon.layoutFor(source, new Uint8Array(0)), rows, columns)
  }

  const all = [...matrices.values()]
  return {
    weightBytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    bytesPerToken: all.reduce((sum, { bytes, rows, share, isMultiplied }) => sum + (isMultiplied ? share * bytes : bytes / rows), 0),
    operationsPerToken,
  }
}

function sizeOf({ shape }: Buffer): { rows: number; columns: number } {
  const sizes = shape as readonly number[]
  return { columns: sizes.at(-1) ?? 1, rows: sizes.slice(0, -1).reduce((product, size) => product * size, 1) }
}
