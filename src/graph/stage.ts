import type { Executable, Execution } from '../backends/index.ts'
import type { GraphNode } from './graph.ts'
import type { FinishedSegment, ValueType } from './lowering/segment.ts'
import type { GraphTensor, Value } from './operator.ts'

/** A node that runs by its operator's definition. */
export interface HostStep {
  readonly kind: 'host'
  readonly node: GraphNode
  /** {@link typeKey} of its results when the stage was planned. */
  readonly results: string
  /** Values nothing reads after this step. */
  readonly frees: readonly string[]
}

/** Nodes that run as one program on the backend. */
export interface ProgramStep {
  readonly kind: 'program'
  readonly segment: FinishedSegment
  readonly executable: Executable
  /** Executions not in use; concurrent runs take one each. */
  readonly idle: Execution[]
  readonly frees: readonly string[]
}

export type Step = HostStep | ProgramStep

/**
 * A part of a graph planned for known shapes. It ends where a size comes out of the data itself; what follows is planned
 * for each set of sizes met.
 */
export interface Stage {
  readonly steps: readonly Step[]
  /** Values that do not depend on the data, given these shapes. */
  readonly constants: ReadonlyMap<string, GraphTensor>
  /** Index of the first node after the stage. */
  readonly end: number
  /** Values whose types choose the next stage; empty at the end of the graph. */
  readonly branch: readonly string[]
  readonly next: Map<string, Stage>
}

/** Element type and shape of values as text: equal texts can share a stage. */
export function typeKey(values: readonly (Value | undefined)[]): string {
  return values.map(value => (value === undefined ? '-' : 'data' in value ? `${value.dtype}[${value.shape.join()}]` : value.kind)).join(' ')
}

/** The type of a value if it is a tensor. */
export function tensorType(value: Value | undefined): ValueType | undefined {
  return value !== undefined && 'data' in value ? value : undefined
}
