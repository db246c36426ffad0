import { HenceError } from '../../core/index.ts'
import { combinations } from './combinations.ts'
import { type Finding, type Given, readEvidence } from './evidence.ts'
import { answerExactly } from './exact-query.ts'
import type { BayesianNetwork } from './network.ts'
import { runSteps } from './steps.ts'

/** Subsets that are tried while looking for the smallest one; what is found is minimal in any case. */
const MAX_TRIES = 2000

/**
 * The refusal of findings that have probability zero together, with a smallest subset that already has.
 *
 * @param given - findings whose probability is zero
 */
export function impossibleEvidence(network: BayesianNetwork, given: Given): HenceError {
  const { names, isSmallest } = findConflict(network, given)
  const shown = names.map(name => shownFinding(network, name, given.given![name]!))
  const done = Object.entries(given.do ?? {}).map(([name, state]) => `do(${name}=${state})`)
  const under = done.length === 0 ? '' : ` under ${done.join(', ')}`
  return new HenceError(
    'EVIDENCE_IMPOSSIBLE',
    `the findings have probability zero${under}: ${shown.join(', ')}${names.length > 1 ? ' contradict each other' : ' cannot be'}`,
    {
      conflict: names,
      isSmallest,
      findings: Object.keys(given.given ?? {}),
    },
  )
}

/** A set of findings that is impossible while each smaller set in it is possible. */
export interface Conflict {
  readonly names: readonly string[]
  /** False when there were too many subsets to be sure that no other one is smaller. */
  readonly isSmallest: boolean
}

/** Finds out which findings contradict each other. */
export function findConflict(network: BayesianNetwork, given: Given): Conflict {
  const findings = given.given ?? {}
  const isPossible = (names: readonly string[]): boolean => {
    const part = Object.fromEntries(names.map((name): [string, Finding] => [name, findings[name]!]))
    const evidence = readEvidence(network, { given: part, do: given.do })
    return runSteps(answerExactly(network, evidence, [])).logEvidence > Number.NEGATIVE_INFINITY
  }
  // Leaving out one finding after the other that is not needed gives a minimal set.
  let minimal = Object.keys(findings)
  for (const name of [...minimal]) {
    const without = minimal.filter(other => other !== name)
    if (!isPossible(without)) minimal = without
  }
  let tries = 0
  for (let size = 1; size < minimal.length; size++) {
    for (const subset of combinations(Object.keys(findings), size)) {
      if (++tries > MAX_TRIES) return { names: minimal, isSmallest: false }
      if (!isPossible(subset)) return { names: subset, isSmallest: true }
    }
  }
  return { names: minimal, isSmallest: true }
}

function shownFinding(network: BayesianNetwork, name: string, finding: Finding): string {
  if (typeof finding === 'string') return `${name}=${finding}`
  const { states } = network.variables[network.indexOf(name)]!
  if (typeof finding === 'number') return `${name}=${states[finding]}`
  const positive = states.filter((_, i) => finding[i]! > 0)
  return `${name}=${positive.join(' or ')}`
}
