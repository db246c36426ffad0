import { HenceError, type NoisyMaxDescription } from '../../core/index.ts'

/** Hence's own limit: 64 MiB for one table. Twenty-two causes with two states are below it. */
const MAX_CELLS = 2 ** 23

/** A variable as far as the shape of its table needs it. */
interface Dimension {
  readonly name: string
  readonly states: readonly string[]
}

/**
 * The full table of a noisy-MAX. The effect is no stronger than a state exactly when no cause alone makes it stronger, so the
 * probabilities of that multiply.
 *
 * Source: Díez, "Parameter adjustment in Bayes networks: the generalized noisy OR-gate" (1993).
 *
 * @param shape - the parents, then the variable itself
 * @returns shape [states of each parent…, own states]; rows are not normalised
 * @throws HenceError `NETWORK_INVALID`, `FILE_LIMIT`
 */
export function expandNoisyMax({ tables, leak }: NoisyMaxDescription, shape: readonly Dimension[]): Float64Array {
  const self = shape.at(-1)!
  const parents = shape.slice(0, -1)
  const width = self.states.length
  const invalid = (message: string): HenceError =>
    new HenceError('NETWORK_INVALID', `the noisy-max of ${self.name} ${message}`, { variable: self.name })
  if (tables.length !== parents.length) throw invalid(`has ${tables.length} tables for ${parents.length} parents`)
  const rows = parents.reduce((product, { states }) => product * states.length, 1)
  if (rows * width > MAX_CELLS)
    throw new HenceError(
      'FILE_LIMIT',
      `the noisy-max of ${self.name} has ${rows * width} cells as a table, more than ${MAX_CELLS}, a limit of Hence's networks`,
      {
        variable: self.name,
        limit: MAX_CELLS,
      },
    )
  const cumulative = parents.map(({ name, states }, i) => {
    const table = tables[i]!
    if (table.length !== states.length * width)
      throw invalid(`has ${table.length} cells for ${name} instead of ${states.length} × ${width}`)
    return accumulate(table, width)
  })
  if (leak && leak.length !== width) throw invalid(`has a leak of ${leak.length} instead of ${width} cells`)
  const base = leak ? accumulate(leak, width) : new Float64Array(width).fill(1)
  let out = base
  for (const [i, table] of cumulative.entries()) {
    const next = new Float64Array((out.length * table.length) / width)
    for (let row = 0, at = 0; row < out.length; row += width)
      for (let state = 0; state < parents[i]!.states.length * width; state += width)
        for (let s = 0; s < width; s++) next[at++] = out[row + s]! * table[state + s]!
    out = next
  }
  // From "no stronger than" back to "exactly": weaker states come later.
  for (let row = 0; row < out.length; row += width) for (let s = row; s + 1 < row + width; s++) out[s] = Math.max(0, out[s]! - out[s + 1]!)
  return out
}

/** By row: the probability that the effect is that of a state or weaker. Rows are divided by their sums. */
function accumulate(table: ArrayLike<number>, width: number): Float64Array {
  const out = Float64Array.from(table)
  for (let row = 0; row < out.length; row += width) {
    for (let s = row + width - 2; s >= row; s--) out[s]! += out[s + 1]!
    const sum = out[row]!
    for (let s = row; s < row + width; s++) out[s]! /= sum
  }
  return out
}
