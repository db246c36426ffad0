import { type Buffer, boundDim, type ProgramBuilder, sameDim } from '../program/index.ts'

/** What all layers with a state share in a step. */
export interface StateStep {
  /** `queryStarts`, `contextLengths`, `stateSlots` and `snapshots`. */
  readonly stateTables: readonly Buffer[]
}

/** Counts the slots of pools of states, one for each sequence. */
const STATES = boundDim('states')

/** The operands of an op with a state: the tables, and a new pool whose slots are of `shape`. */
export function statePool(builder: ProgramBuilder, name: string, shape: readonly number[], { stateTables }: StateStep): Buffer[] {
  return [...stateTables, builder.state(name, { dtype: 'f32', shape: [STATES, ...shape] })]
}

/** True for a buffer made by {@link statePool}. */
export function isStatePool({ role, shape }: Buffer): boolean {
  return role === 'state' && shape.length > 0 && sameDim(shape[0]!, STATES)
}
