import type { ApproximationDiagnostics } from './approximate-answer.ts'

/** How posteriors were computed, and how far to trust them. */
export interface QueryDetails {
  readonly method: 've' | 'jtree' | 'lw' | 'gibbs' | 'lbp' | 'meanfield'
  readonly isExact: boolean
  /** ln P(findings), under the interventions. An estimate where the answer is one; NaN where the method has none. */
  readonly logEvidence: number
  /** Table cells of the exact answer: of all cliques, and of the largest one. For an approximate answer, what was too much. */
  readonly cells: number
  readonly largestCells: number
  /** By variable, of each state: the standard error, or the measured distance to a check by sampling. Zeros when exact. */
  readonly errors: Readonly<Record<string, Float64Array>>
  /** Absent when exact. */
  readonly diagnostics?: ApproximationDiagnostics
}

const DETAILS = Symbol('details')

/**
 * Posterior marginals by variable, each in the order of the variable's states, and `details` of how they were computed. Only
 * the variables are enumerable. A variable that is named `details` hides them; {@link detailsOf} finds them all the same.
 */
export type Posteriors<Name extends string = string> = Readonly<Record<Name, Float64Array>> & { readonly details: QueryDetails }

/** Joins posteriors with what is to be said of them. `tables` becomes the result. */
export function makePosteriors<Name extends string>(tables: Readonly<Record<Name, Float64Array>>, details: QueryDetails): Posteriors<Name> {
  if (!Object.hasOwn(tables, 'details')) Object.defineProperty(tables, 'details', { value: details })
  return Object.defineProperty(tables, DETAILS, { value: details }) as Posteriors<Name>
}

/** How posteriors were computed. */
export function detailsOf(posteriors: Posteriors): QueryDetails {
  return (posteriors as unknown as { [DETAILS]: QueryDetails })[DETAILS]
}
