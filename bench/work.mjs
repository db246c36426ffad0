/** Work that measurements of language models share. */

/** Tokens that no prompt of another number begins with. */
export function promptOf(length, number) {
  return Array.from({ length }, (_, i) => 300 + ((i * 37 + number * 1_009) % 30_000))
}

/** The value below which a share of the values lies. */
export function quantile(values, share) {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]
}
