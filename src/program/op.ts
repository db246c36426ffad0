import { type DType, HenceError, type Tensor } from '../core/index.ts'
import type { BufferType } from './buffer.ts'
import { type Dim, formatShape, sameDim } from './dims.ts'

/** What an op's reference arithmetic sees: tensors with concrete shapes over the execution's memory. */
export interface OpRun<A> {
  readonly inputs: readonly (Tensor | undefined)[]
  readonly outputs: readonly Tensor[]
  readonly attributes: A
  /** Reports the value of a produced dim. */
  produce(name: string, value: number): void
  /** The value a dim among the attributes has in this run. */
  resolve(dim: Dim): number
}

/**
 * An operation of the instruction set. `run` is its definition: every backend is held to it by the contract suite.
 * Arithmetic is done in double precision and rounded once per output element.
 */
export interface Op<A = Readonly<Record<string, unknown>>> {
  readonly name: string
  /** Names of the operands, in order; a trailing `?` marks one that may be left out, `*` one that repeats. */
  readonly operands: readonly string[]
  /** Indices of operands that are written in place (state). */
  readonly mutates?: readonly number[]
  /** Checks operand types and gives the types of the outputs. @throws HenceError `PROGRAM_INVALID` */
  infer(inputs: readonly (BufferType | undefined)[], attributes: A): readonly BufferType[]
  run(step: OpRun<A>): void
}

/** Throws `PROGRAM_INVALID` unless `condition` holds; `facts` name the operands. */
export function check(condition: boolean, op: string, message: string, facts: Record<string, unknown> = {}): asserts condition {
  if (!condition) throw new HenceError('PROGRAM_INVALID', `${op}: ${message}`, { op, ...facts })
}

/** The type of a required operand, checked for dtype and rank. */
export function operand(op: string, name: string, type: BufferType | undefined, dtype: DType, rank?: number): BufferType {
  check(type !== undefined, op, `operand ${name} is missing`)
  check(type.dtype === dtype, op, `operand ${name} must be ${dtype}, is ${type.dtype}`)
  check(
    rank === undefined || type.shape.length === rank,
    op,
    `operand ${name} must have ${rank} axes, has shape ${formatShape(type.shape)}`,
  )
  return type
}

/** Checks that two axes agree. */
export function agree(op: string, what: string, a: Dim, b: Dim): void {
  check(sameDim(a, b), op, `${what} differ: ${formatShape([a])} and ${formatShape([b])}`)
}

/** A numeric axis; symbolic ones are refused. */
export function knownDim(op: string, what: string, dim: Dim | undefined): number {
  check(typeof dim === 'number', op, `${what} must be known when the program is built`)
  return dim
}

/** The f32 data of a tensor operand. */
export function f32(t: Tensor | undefined): Float32Array {
  return (t as Tensor<'f32'>).data
}

/** The i32 data of a tensor operand. */
export function i32(t: Tensor | undefined): Int32Array {
  return (t as Tensor<'i32'>).data
}
