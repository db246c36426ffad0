import type { Posteriors, QueryDetails } from './posteriors.ts'
import type { Questionable } from './question.ts'

/** Posteriors as plain JSON data: probabilities by the names of states. */
export interface PosteriorsJson {
  readonly posteriors: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly method: QueryDetails['method']
  readonly isExact: boolean
  /** null where the method has none. */
  readonly logEvidence: number | null
  /** By variable and state; absent when exact. */
  readonly errors?: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly diagnostics?: QueryDetails['diagnostics']
}

/** Posteriors with the names of states, for JSON. */
export function posteriorsToJson(net: Questionable, posteriors: Posteriors, details: QueryDetails = posteriors.details): PosteriorsJson {
  const { method, isExact, logEvidence, errors, diagnostics } = details
  const named = (tables: Readonly<Record<string, Float64Array>>): Record<string, Record<string, number>> =>
    Object.fromEntries(
      Object.entries(tables).map(([name, table]) => [name, Object.fromEntries(net.states(name).map((state, s) => [state, table[s]!]))]),
    )
  return {
    posteriors: named(posteriors),
    method,
    isExact,
    logEvidence: Number.isFinite(logEvidence) ? logEvidence : null,
    ...(isExact ? {} : { errors: named(errors) }),
    ...(diagnostics ? { diagnostics } : {}),
  }
}
