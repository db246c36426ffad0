const MAX_ROUNDS = 100

/**
 * Probabilities of classes from those of each pair. Source: T.-F. Wu, C.-J. Lin, R. C. Weng, Probability estimates for
 * multi-class classification by pairwise coupling, JMLR 5 (2004), algorithm 2
 *
 * @param pairs - `[classes, classes]`: at `[i, j]` the probability of `i` when it is `i` or `j`
 */
export function coupleProbabilities(pairs: Float64Array, classes: number): Float64Array {
  const q = new Float64Array(classes * classes)
  for (let i = 0; i < classes; i++)
    for (let j = 0; j < classes; j++) {
      if (i === j) continue
      q[i * classes + i]! += pairs[j * classes + i]! ** 2
      q[i * classes + j] = -pairs[j * classes + i]! * pairs[i * classes + j]!
    }
  const p = new Float64Array(classes).fill(1 / classes)
  const qp = new Float64Array(classes)
  for (let round = 0; round < Math.max(MAX_ROUNDS, classes); round++) {
    let pqp = 0
    for (let i = 0; i < classes; i++) {
      let sum = 0
      for (let j = 0; j < classes; j++) sum += q[i * classes + j]! * p[j]!
      qp[i] = sum
      pqp += p[i]! * sum
    }
    if (qp.every(value => Math.abs(value - pqp) < 0.005 / classes)) break
    for (let i = 0; i < classes; i++) {
      const own = q[i * classes + i]!
      const change = (pqp - qp[i]!) / own
      const scale = 1 + change
      p[i]! += change
      pqp = (pqp + change * (change * own + 2 * qp[i]!)) / scale / scale
      for (let j = 0; j < classes; j++) {
        qp[j] = (qp[j]! + change * q[i * classes + j]!) / scale
        p[j]! /= scale
      }
    }
  }
  return p
}
