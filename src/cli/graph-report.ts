import type { TensorModelDescription } from '../core/index.ts'
import type { PlanReport } from './plan-report.ts'
import type { ProfileReport } from './profile-report.ts'

/** A model with everything Hence finds out about it. */
export interface GraphReport extends TensorModelDescription {
  /** Operators that Hence lacks, with the number of nodes that need them. */
  readonly missing: Readonly<Record<string, number>>
  readonly tensors?: readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[]; readonly bytes: number }[]
  readonly plan?: PlanReport
  readonly profile?: ProfileReport
}
