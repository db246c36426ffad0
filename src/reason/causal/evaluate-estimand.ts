import type { Steps } from '../bayes/steps.ts'
import type { Estimand } from './estimand.ts'
import { constantTable, divideTables, multiplyTables, sliceTable, sumOfProduct, sumTable, type ValueTable } from './value-table.ts'

/** What is known about the observed variables together: a network, or counted data. */
export interface ObservedDistribution {
  /** Names of states. @throws HenceError `OPTION_INVALID` for unknown variables */
  states(variable: string): readonly string[]
  /** P(variables) for all their states, row-major, the last variable fastest. */
  joint(variables: readonly string[]): Steps<Float64Array>
}

/**
 * The value of an estimand for all states of its free variables, except that those in `fixed` have one.
 *
 * @returns NaN where a condition never occurs, so that the data say nothing about it
 * @throws HenceError `INFERENCE_TOO_LARGE`
 */
export function* evaluateEstimand(estimand: Estimand, source: ObservedDistribution, fixed: ReadonlyMap<string, number>): Steps<ValueTable> {
  yield
  switch (estimand.kind) {
    case 'probability':
      return sliceTable(yield* conditional(estimand.of, estimand.given, source), fixed)
    case 'product':
      return (yield* evaluateAll(estimand.factors, source, fixed)).reduce(multiplyTables, constantTable(1))
    case 'ratio': {
      const above = yield* evaluateEstimand(estimand.above, source, fixed)
      return divideTables(above, yield* evaluateEstimand(estimand.below, source, fixed))
    }
    case 'sum': {
      const outside = new Map([...fixed].filter(([name]) => !estimand.over.includes(name)))
      const factors = estimand.of.kind === 'product' ? estimand.of.factors : [estimand.of]
      return sumOfProduct(yield* evaluateAll(factors, source, outside), estimand.over)
    }
  }
}

function* evaluateAll(
  estimands: readonly Estimand[],
  source: ObservedDistribution,
  fixed: ReadonlyMap<string, number>,
): Steps<ValueTable[]> {
  const tables: ValueTable[] = []
  for (const estimand of estimands) tables.push(yield* evaluateEstimand(estimand, source, fixed))
  return tables
}

function* conditional(of: readonly string[], given: readonly string[], source: ObservedDistribution): Steps<ValueTable> {
  const variables = [...given, ...of]
  const joint = { variables, sizes: variables.map(name => source.states(name).length), values: yield* source.joint(variables) }
  return given.length === 0 ? joint : divideTables(joint, sumTable(joint, new Set(of)))
}
