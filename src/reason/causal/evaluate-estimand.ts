import { throwIfAborted } from '../../core/index.ts'
import type { Estimand } from './estimand.ts'
import { constantTable, divideTables, multiplyTables, sliceTable, sumOfProduct, sumTable, type ValueTable } from './value-table.ts'

/** What is known about the observed variables together: a network, or counted data. */
export interface ObservedDistribution {
  /** Names of states. @throws HenceError `OPTION_INVALID` for unknown variables */
  states(variable: string): readonly string[]
  /** P(variables) for all their states, row-major, the last variable fastest. */
  joint(variables: readonly string[]): Float64Array
}

/**
 * The value of an estimand for all states of its free variables, except that those in `fixed` have one.
 *
 * @returns NaN where a condition never occurs, so that the data say nothing about it
 * @throws HenceError `INFERENCE_TOO_LARGE`, `ABORTED`
 */
export function evaluateEstimand(
  estimand: Estimand,
  source: ObservedDistribution,
  fixed: ReadonlyMap<string, number>,
  signal?: AbortSignal,
): ValueTable {
  throwIfAborted(signal)
  const evaluate = (part: Estimand, states = fixed): ValueTable => evaluateEstimand(part, source, states, signal)
  switch (estimand.kind) {
    case 'probability':
      return sliceTable(conditional(estimand.of, estimand.given, source), fixed)
    case 'product':
      return estimand.factors.map(factor => evaluate(factor)).reduce(multiplyTables, constantTable(1))
    case 'ratio':
      return divideTables(evaluate(estimand.above), evaluate(estimand.below))
    case 'sum': {
      const outside = new Map([...fixed].filter(([name]) => !estimand.over.includes(name)))
      const factors = estimand.of.kind === 'product' ? estimand.of.factors : [estimand.of]
      return sumOfProduct(
        factors.map(factor => evaluate(factor, outside)),
        estimand.over,
      )
    }
  }
}

function conditional(of: readonly string[], given: readonly string[], source: ObservedDistribution): ValueTable {
  const variables = [...given, ...of]
  const joint = { variables, sizes: variables.map(name => source.states(name).length), values: source.joint(variables) }
  return given.length === 0 ? joint : divideTables(joint, sumTable(joint, new Set(of)))
}
