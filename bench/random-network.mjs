/**
 * Random Bayesian networks with the sizes of well-known ones, as descriptions that `buildNetwork` takes. Parents come from a
 * window of earlier variables: a wide window makes large cliques.
 */

/** A generator of numbers in [0, 1) that is the same everywhere: mulberry32. */
export function randomNumbers(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296
  }
}

/**
 * @param variables - how many
 * @param arcs - how many, at most
 * @param window - parents are among so many variables before their child
 * @param states - [fewest, most] of a variable
 * @param zeros - share of table entries that are zero
 */
export function randomNetwork({ name, variables: count, arcs, window, states: [fewest, most], zeros, maxParents = 3, seed }) {
  const random = randomNumbers(seed)
  const below = bound => Math.floor(random() * bound)
  const cards = Array.from({ length: count }, () => fewest + below(most - fewest + 1))
  const parents = Array.from({ length: count }, () => new Set())
  for (let tries = 0, made = 0; made < arcs && tries < 100 * arcs; tries++) {
    const child = 1 + below(count - 1)
    const parent = Math.max(0, child - 1 - below(Math.min(window, child)))
    if (parents[child].size >= maxParents || parents[child].has(parent)) continue
    parents[child].add(parent)
    made++
  }
  const variables = cards.map((card, v) => {
    const rows = [...parents[v]].reduce((product, parent) => product * cards[parent], 1)
    const table = new Float64Array(rows * card)
    for (let row = 0; row < rows; row++) {
      const kept = below(card)
      let sum = 0
      for (let s = 0; s < card; s++) {
        const p = s === kept || random() >= (zeros * card) / (card - 1) ? 0.05 + random() : 0
        table[row * card + s] = p
        sum += p
      }
      for (let s = 0; s < card; s++) table[row * card + s] /= sum
    }
    return {
      name: `v${v}`,
      states: Array.from({ length: card }, (_, s) => `s${s}`),
      parents: [...parents[v]].map(parent => `v${parent}`),
      table,
    }
  })
  return { name, variables }
}
