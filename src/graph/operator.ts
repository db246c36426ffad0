import { type ElementType, HenceError, type ModelValue, type Rng, type Tensor } from '../core/index.ts'
import type { OnnxGraph } from '../formats/index.ts'
import type { Attributes } from './attributes.ts'

export type { MapValue, OptionalValue, SequenceValue } from '../core/index.ts'

/** A tensor of any ONNX element type. */
export type GraphTensor = Tensor<ElementType>

/** Anything that can flow along an edge of a graph. */
export type Value = ModelValue

/** What an operator may ask of whoever runs the graph. */
export interface OperatorHost {
  /** Random numbers; the same for the same seed. */
  random(seed?: number): Rng
  /** Runs a body graph, which also sees the values around it. Inputs by position. */
  runGraph(graph: OnnxGraph, inputs: readonly Value[]): Promise<readonly Value[]>
  /** A Loop beyond this many iterations is refused. */
  readonly maxLoopIterations: number
  readonly signal?: AbortSignal | undefined
}

/** One use of an operator with concrete operands. */
export interface OperatorCall {
  /** How messages call the node: `Conv "conv1"`. */
  readonly node: string
  /** Version of the operator set in effect for this node's domain. */
  readonly version: number
  /** Operands by position; one left out is `undefined`. */
  readonly inputs: readonly (Value | undefined)[]
  readonly attributes: Attributes
  /** How many outputs the node names; further ones need not be computed. */
  readonly outputCount: number
  readonly host: OperatorHost
}

/**
 * An ONNX operator, defined in plain TypeScript for every element type its specification allows. This definition is what
 * programs are held to; the compiler turns what it can into instructions and runs the rest by it.
 */
export interface Operator {
  /** The empty string is ai.onnx. */
  readonly domain: string
  readonly name: string
  /** Outputs by position. @throws HenceError `GRAPH_INVALID`, `SHAPE_MISMATCH`, `OPERATOR_UNSUPPORTED` */
  run(call: OperatorCall): readonly (Value | undefined)[] | Promise<readonly (Value | undefined)[]>
}

/** The tensor operand at a position. @throws HenceError `GRAPH_INVALID` when it is missing or not a tensor */
export function tensorInput(call: OperatorCall, position: number): GraphTensor {
  const value = call.inputs[position]
  if (value !== undefined && 'data' in value) return value
  throw new HenceError('GRAPH_INVALID', `${call.node}: input ${position} must be a tensor, is ${value ? value.kind : 'missing'}`, {
    node: call.node,
    input: position,
  })
}

/** {@link tensorInput} for an operand that may be left out. */
export function optionalTensor(call: OperatorCall, position: number): GraphTensor | undefined {
  return call.inputs[position] === undefined ? undefined : tensorInput(call, position)
}

/** Throws `SHAPE_MISMATCH` naming the node unless `condition` holds. */
export function checkShape(
  condition: boolean,
  call: OperatorCall,
  message: string,
  facts: Record<string, unknown> = {},
): asserts condition {
  if (!condition) throw new HenceError('SHAPE_MISMATCH', `${call.node}: ${message}`, { node: call.node, ...facts })
}

/** `OPERATOR_UNSUPPORTED` for a variant of a known operator: an attribute value or element type without arithmetic here. */
export function unsupportedVariant(call: OperatorCall, what: string): HenceError {
  return new HenceError('OPERATOR_UNSUPPORTED', `${call.node}: ${what} is not supported`, { node: call.node, what })
}
