import type { Buffer, BufferRole } from './buffer.ts'
import type { OpName } from './ops/index.ts'

/** One step: an op, the buffers it reads and writes (ids; `null` for an operand left out), and its attributes. */
export interface Instruction {
  readonly op: OpName
  readonly inputs: readonly (number | null)[]
  readonly outputs: readonly number[]
  readonly attributes: Readonly<Record<string, unknown>>
}

/**
 * A flat list of instructions over typed buffers: immutable, printable, shared by any number of executions.
 * Every language model, graph and training step becomes one.
 */
export interface Program {
  readonly name: string
  readonly buffers: readonly Buffer[]
  readonly instructions: readonly Instruction[]
}

/** The buffers of a role, in order. */
export function buffersOf(program: Program, role: BufferRole): readonly Buffer[] {
  return program.buffers.filter(buffer => buffer.role === role)
}
