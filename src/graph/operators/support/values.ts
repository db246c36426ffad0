import { HenceError } from '../../../core/index.ts'
import type { GraphTensor, OperatorCall, SequenceValue, Value } from '../../operator.ts'

/** The sequence operand at a position. @throws HenceError `GRAPH_INVALID` when it is missing or none */
export function sequenceInput(call: OperatorCall, position: number): SequenceValue {
  const value = call.inputs[position]
  if (value !== undefined && !isTensor(value) && value.kind === 'sequence') return value
  throw invalid(call, `input ${position} must be a sequence, is ${value === undefined ? 'missing' : kindOf(value)}`)
}

/** True for a tensor. */
export function isTensor(value: Value): value is GraphTensor {
  return 'data' in value
}

/** How messages call the kind of a value. */
export function kindOf(value: Value): string {
  return isTensor(value) ? `a tensor of ${value.dtype}` : `a${value.kind === 'optional' ? 'n' : ''} ${value.kind}`
}

/** A sequence of the given items. */
export function sequenceOf(items: readonly Value[]): SequenceValue {
  return { kind: 'sequence', items }
}

/** `GRAPH_INVALID` that names the node. */
export function invalid(call: OperatorCall, message: string, facts: Record<string, unknown> = {}): HenceError {
  return new HenceError('GRAPH_INVALID', `${call.node}: ${message}`, { node: call.node, ...facts })
}

/** Throws `GRAPH_INVALID` naming the node unless `condition` holds. */
export function checkGraph(
  condition: boolean,
  call: OperatorCall,
  message: string,
  facts: Record<string, unknown> = {},
): asserts condition {
  if (!condition) throw invalid(call, message, facts)
}
