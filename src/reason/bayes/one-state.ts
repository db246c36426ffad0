/** The likelihoods of a known state. */
export function oneState(card: number, state: number): Float64Array {
  const values = new Float64Array(card)
  values[state] = 1
  return values
}
