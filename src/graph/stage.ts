import type { Executable, Execution } from '../backends/index.ts'
import type { OnnxGraph } from '../formats/index.ts'
import type { GraphNode } from './graph.ts'
import type { FinishedSegment } from './lowering/segment.ts'
import type { ValueType } from './lowering/value-type.ts'
import type { GraphTensor, Value } from './operator.ts'
import type { RunTimes } from './run-times.ts'

/** What a run of a body needs of the run around it. */
export interface BodySurroundings {
  /** Values around the node, by name. */
  get(name: string): Value | undefined
  /** Runs a body node by node. */
  readonly interpret: (body: OnnxGraph, inputs: readonly Value[]) => Promise<readonly Value[]>
  readonly signal: AbortSignal | undefined
  readonly times: RunTimes | undefined
}

/** Runs the bodies of a node. */
export interface Bodies {
  /** The outputs of a body; inputs by position. */
  run(body: OnnxGraph, inputs: readonly Value[], around: BodySurroundings): Promise<readonly Value[]>
  dispose(): void
}

/** A node that runs by its operator's definition. */
export interface HostStep {
  readonly kind: 'host'
  readonly node: GraphNode
  /** Of a node with bodies. */
  readonly bodies?: Bodies | undefined
  /** {@link typeKey} of its results when the stage was planned. */
  readonly results: string
  /** Values nothing reads after this step. */
  readonly frees: readonly string[]
}

/** Nodes that run as one program on the backend. */
export interface ProgramStep {
  readonly kind: 'program'
  /** Without its weights, which the backend has packed. */
  readonly segment: Omit<FinishedSegment, 'weights'>
  readonly executable: Executable
  /** Executions not in use; concurrent runs take one each. */
  readonly idle: Execution[]
  readonly frees: readonly string[]
}

export type Step = HostStep | ProgramStep

/** What decides how a graph goes on after a stage: the sizes of values, or the truth of one. */
export type Fork = { readonly kind: 'types'; readonly values: readonly string[] } | { readonly kind: 'condition'; readonly node: GraphNode }

/**
 * A part of a graph planned for known shapes. It ends where a size or a decision comes out of the data itself; what follows
 * is planned for each one met.
 */
export interface Stage {
  readonly steps: readonly Step[]
  /** Values that do not depend on the data, given these shapes. */
  readonly constants: ReadonlyMap<string, GraphTensor>
  /** Absent at the end of the graph. */
  readonly fork?: Fork
  /** Nodes after the stage, without the one that forks. */
  readonly rest: readonly GraphNode[]
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

/** The truth value a condition holds. */
export function isTrue(condition: Value | undefined): boolean {
  return condition !== undefined && 'data' in condition && Number(condition.data[0]) !== 0
}
