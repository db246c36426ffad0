import { isHenceError } from '../../core/index.ts'
import type { CliqueTree } from './clique-tree.ts'
import type { Evidence } from './evidence.ts'
import { planQuestion } from './exact-query.ts'
import type { BayesianNetwork } from './network.ts'
import { findRelevant } from './relevance.ts'
import { buildSubproblem } from './subproblem.ts'

/** What an exact method would take. */
export interface ExactCost {
  /** Cells of all cliques, and of the largest one; Infinity beyond 10^18. */
  readonly cells: number
  readonly largestCells: number
  /** Variables of the largest clique, less one. */
  readonly width: number
  /** Bytes of the tables before zeros are left out. */
  readonly bytes: number
}

/** What a question would cost by each method; plain data. */
export interface QueryCost {
  /** Variables that matter for the question, and all. */
  readonly relevantVariables: number
  readonly variables: number
  readonly ve: ExactCost
  readonly jtree: ExactCost
  /** Table rows that are looked up for all samples. */
  readonly lw: { readonly samples: number; readonly lookups: number }
  /** Table cells that one round of message passing walks over. */
  readonly lbp: { readonly cellsPerIteration: number }
  /** What `auto` takes. */
  readonly advice: 'exact' | 'sample'
}

/** Estimates without running anything. */
export function queryCost(
  network: BayesianNetwork,
  evidence: Evidence,
  targets: readonly number[],
  whole: CliqueTree | undefined,
  { samples, maxCells }: { readonly samples: number; readonly maxCells: number },
): QueryCost {
  const { ancestral } = findRelevant(network, evidence, targets)
  const tree = planned(() => planQuestion(network, evidence, ancestral).tree)
  const { factors } = buildSubproblem(network, evidence, ancestral)
  const relevantVariables = ancestral.reduce((sum, flag) => sum + flag, 0)
  return {
    relevantVariables,
    variables: network.variables.length,
    ve: exactCost(tree),
    jtree: exactCost(whole),
    lw: { samples, lookups: samples * relevantVariables },
    lbp: { cellsPerIteration: factors.reduce((sum, { scope, table }) => sum + scope.length ** 2 * table.length, 0) },
    advice: Math.min(exactCost(tree).cells, exactCost(whole).cells) <= maxCells ? 'exact' : 'sample',
  }
}

/** What a plan gives; undefined when no plan could be carried out. */
export function planned<T>(plan: () => T): T | undefined {
  try {
    return plan()
  } catch (error) {
    if (isHenceError(error, 'INFERENCE_TOO_LARGE')) return undefined
    throw error
  }
}

function exactCost(tree: CliqueTree | undefined): ExactCost {
  const beyond = Number.POSITIVE_INFINITY
  const { cells, largest, width } = tree ?? { cells: beyond, largest: beyond, width: beyond }
  return { cells, largestCells: largest, width, bytes: cells * 8 }
}
