import { HenceError } from '../../core/index.ts'

/**
 * Turns a classifier's logits into a likelihood for a network: Pearl's virtual evidence.
 *
 * A classifier's probabilities are a posterior under the frequencies of its training data. The network has its own prior, so
 * giving it those probabilities as they are would count a prior twice. Dividing by the training frequencies leaves the
 * likelihood, P(what the classifier saw | class).
 *
 * This is not Jeffrey's rule: that one would set the posterior itself to given numbers, whatever else is known.
 *
 * Source: Pearl, "Probabilistic Reasoning in Intelligent Systems" (1988), section 2.2.2; Chan & Darwiche, "On the revision of
 * probabilistic beliefs using uncertain evidence" (2005).
 *
 * @param logits - of each class, before the softmax
 * @param trainingPrior - how often each class was among the training data: frequencies or counts
 * @returns a likelihood of each class, the largest 1
 * @throws HenceError `OPTION_INVALID`
 * @example
 * ```ts
 * import { load, softEvidence } from 'hence'
 * const net = await load('diagnosis.bif', { kind: 'network' })
 * const xray = softEvidence([2.1, 0.3], [0.5, 0.5])
 * console.log(net.query('lung', { given: { xray } }))
 * ```
 */
export function softEvidence(logits: ArrayLike<number>, trainingPrior: ArrayLike<number>): Float64Array {
  if (logits.length !== trainingPrior.length || logits.length === 0)
    throw new HenceError('OPTION_INVALID', `softEvidence: ${logits.length} logits do not go with ${trainingPrior.length} frequencies`)
  const prior = Float64Array.from(trainingPrior)
  if (!prior.every(p => p > 0 && p < Number.POSITIVE_INFINITY))
    throw new HenceError('OPTION_INVALID', `softEvidence: frequencies must be above 0, are ${prior.join(', ')}`, {
      hint: 'A class that was never trained on cannot be recognised: leave it out, or smooth the counts.',
    })
  const logs = Float64Array.from(logits, (logit, i) => logit - Math.log(prior[i]!))
  const most = logs.reduce((a, b) => Math.max(a, b))
  if (!Number.isFinite(most))
    throw new HenceError('OPTION_INVALID', `softEvidence: logits must be numbers, are ${Array.from(logits).join(', ')}`)
  return logs.map(log => Math.exp(log - most))
}
