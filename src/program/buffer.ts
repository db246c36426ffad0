import type { DType, TensorData } from '../core/index.ts'
import type { Dim } from './dims.ts'
import type { WeightSource } from './weight-source.ts'

/**
 * What a buffer is for. `weight`: constant data of a model, packed by the backend. `constant`: small data that the
 * program itself carries. `state`: a pool of slots that outlives a run. `scratch`: placed in one arena by liveness.
 */
export type BufferRole = 'weight' | 'constant' | 'input' | 'output' | 'state' | 'scratch'

/** Element type and symbolic shape. */
export interface BufferType {
  readonly dtype: DType
  readonly shape: readonly Dim[]
}

/** One named piece of memory of a program. */
export interface Buffer extends BufferType {
  readonly id: number
  readonly name: string
  readonly role: BufferRole
  /** Of a weight. */
  readonly source?: WeightSource
  /** Of a constant. */
  readonly data?: TensorData
  /** The buffer whose memory this one is, under another shape with as many elements. */
  readonly viewOf?: number
}
