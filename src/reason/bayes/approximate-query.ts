import type { ApproximateAnswer } from './approximate-answer.ts'
import type { Evidence } from './evidence.ts'
import { pointMass } from './exact-query.ts'
import { sampleGibbs } from './gibbs.ts'
import { type SamplingLimits, weighLikelihoods } from './likelihood-weighting.ts'
import { propagateLoopy } from './loopy-propagation.ts'
import { ascendMeanField } from './mean-field.ts'
import type { BayesianNetwork } from './network.ts'
import { findRelevant } from './relevance.ts'
import type { Steps } from './steps.ts'
import { buildSubproblem } from './subproblem.ts'

/** Methods whose answers carry an error. */
export const APPROXIMATE_METHODS = ['lw', 'gibbs', 'lbp', 'meanfield'] as const

/** One of {@link APPROXIMATE_METHODS}. */
export type ApproximateMethod = (typeof APPROXIMATE_METHODS)[number]

/** Answers by a method that is not exact. An empty list of posteriors says that no sample fitted the findings. */
export function* answerApproximately(
  network: BayesianNetwork,
  evidence: Evidence,
  targets: readonly number[],
  method: ApproximateMethod,
  limits: SamplingLimits,
): Steps<ApproximateAnswer> {
  switch (method) {
    case 'lw':
      return yield* weighLikelihoods(network, evidence, targets, limits)
    case 'gibbs':
      return yield* sampleGibbs(network, evidence, targets, limits)
    case 'lbp':
    case 'meanfield':
      return yield* iterate(network, evidence, targets, method, limits)
  }
}

/** Methods that do not know their own error are checked by sampling. */
function* iterate(
  network: BayesianNetwork,
  evidence: Evidence,
  targets: readonly number[],
  method: 'lbp' | 'meanfield',
  limits: SamplingLimits,
): Steps<ApproximateAnswer> {
  const { ancestral } = findRelevant(network, evidence, targets)
  const problem = buildSubproblem(network, evidence, ancestral)
  const { beliefs, logEvidence, iterations, hasConverged } = yield* method === 'lbp' ? propagateLoopy(problem) : ascendMeanField(problem)
  const check = yield* weighLikelihoods(network, evidence, targets, limits)
  const isPossible = beliefs.length > 0 || problem.variables.length === 0
  const posteriors = isPossible
    ? targets.map(target => {
        const local = problem.localOf[target]!
        return local < 0 ? pointMass(network, evidence, target) : beliefs[local]!
      })
    : []
  const { effectiveSampleSize } = check.diagnostics
  return {
    posteriors,
    errors: posteriors.map((posterior, t) =>
      posterior.map((p, s) => (effectiveSampleSize > 0 ? Math.abs(p - check.posteriors[t]![s]!) + 2 * check.errors[t]![s]! : 1)),
    ),
    logEvidence,
    diagnostics: {
      ...limits,
      effectiveSampleSize,
      iterations,
      hasConverged,
      ...(method === 'meanfield' ? { lowerBound: logEvidence } : {}),
    },
  }
}
