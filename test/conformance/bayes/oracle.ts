import { readFileSync } from 'node:fs'
import { openNetwork } from '../../../src/formats/index.ts'
import { type BayesianNetwork, buildNetwork } from '../../../src/reason/index.ts'
import { testdata } from '../../testdata.ts'

/** Networks of the testdata with reference answers. */
export const ORACLE_NETWORKS = ['asia', 'cancer', 'earthquake', 'survey', 'sachs', 'alarm', 'child', 'insurance'] as const

export type Posteriors = Readonly<Record<string, readonly number[]>>
export type States = Readonly<Record<string, string>>

interface Case {
  readonly evidence: States
  readonly ln_p_evidence: number
}

/** A file of reference answers; probabilities have 13 digits. */
export interface Oracle {
  readonly prior: Posteriors
  readonly evidence_cases: readonly (Case & { readonly posterior: Posteriors })[]
  readonly soft_cases: readonly (Case & { readonly likelihood: Posteriors; readonly posterior: Posteriors })[]
  readonly mpe_cases: readonly {
    readonly evidence: States
    readonly assignment: States
    readonly ln_p_joint: number
    readonly ln_p_given_evidence: number
    readonly n_optimal: number
  }[]
  readonly map_cases: readonly {
    readonly evidence: States
    readonly variables: readonly string[]
    readonly assignment: States
    readonly p_given_evidence: number
    readonly runner_up_p: number
    readonly n_optimal: number
  }[]
  readonly joint_cases: readonly (Case & { readonly variables: readonly string[]; readonly p: readonly number[] })[]
  readonly do_cases: readonly {
    readonly do: States
    readonly evidence: States
    readonly ln_p_evidence_under_do: number
    readonly descendants: Posteriors
    readonly non_descendants: Posteriors
  }[]
}

export function readOracle(name: string): Oracle {
  return JSON.parse(readFileSync(testdata('bayes', 'oracle', `${name}.json`), 'utf8')) as Oracle
}

export async function readOracleNetwork(name: string): Promise<BayesianNetwork> {
  const path = testdata('bayes', `${name}.bif.gz`)
  return buildNetwork((await openNetwork(path)).network)
}
