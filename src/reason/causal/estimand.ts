/**
 * A quantity in terms of what can be observed: probabilities, sums, products and ratios of them. Plain data. Within a sum the
 * variables summed over stand for their own values, whatever value they have outside.
 */
export type Estimand =
  | { readonly kind: 'probability'; readonly of: readonly string[]; readonly given: readonly string[] }
  | { readonly kind: 'sum'; readonly over: readonly string[]; readonly of: Estimand }
  | { readonly kind: 'product'; readonly factors: readonly Estimand[] }
  | { readonly kind: 'ratio'; readonly above: Estimand; readonly below: Estimand }

/** P(of | given); 1 where `of` is empty. */
export function probability(of: readonly string[], given: readonly string[] = []): Estimand {
  return of.length === 0 ? ONE : { kind: 'probability', of, given }
}

/** The product of no factors. */
const ONE: Estimand = { kind: 'product', factors: [] }

/** Beyond this many factors nobody reads a product, and comparing all pairs takes long. */
const MAX_MERGED = 64

/** A product, flat, in which P(a | b, c) P(b | c) has become P(a, b | c). */
export function product(factors: readonly Estimand[]): Estimand {
  const flat = factors.flatMap(factor => (factor.kind === 'product' ? factor.factors : [factor]))
  if (flat.length > MAX_MERGED) return { kind: 'product', factors: flat }
  for (const [i, one] of flat.entries())
    for (const [j, other] of flat.entries()) {
      if (i === j || one.kind !== 'probability' || other.kind !== 'probability') continue
      if (!areSame(one.given, [...other.of, ...other.given])) continue
      const joint = probability([...other.of, ...one.of], other.given)
      return product(flat.map((factor, at) => (at === Math.min(i, j) ? joint : factor)).filter((_, at) => at !== Math.max(i, j)))
    }
  return flat.length === 1 ? flat[0]! : { kind: 'product', factors: flat }
}

/**
 * A sum over variables that are free in `of`. A variable that only one probability is about goes, with the sum of that
 * probability; what does not depend on the variables comes before the sum.
 */
export function sum(over: readonly string[], of: Estimand): Estimand {
  if (over.length === 0) return of
  if (of.kind === 'sum') return sum([...over, ...of.over], of.of)
  const factors = of.kind === 'product' ? of.factors : [of]
  for (const variable of over) {
    const about = factors.filter(factor => freeVariables(factor).has(variable))
    const [only] = about
    if (about.length !== 1 || only?.kind !== 'probability' || !only.of.includes(variable)) continue
    const rest = probability(
      only.of.filter(name => name !== variable),
      only.given,
    )
    const others = over.filter(name => name !== variable)
    return sum(others, product(factors.map(factor => (factor === only ? rest : factor))))
  }
  const dependsOn = (factor: Estimand): boolean => over.some(variable => freeVariables(factor).has(variable))
  const inside = product(factors.filter(dependsOn))
  return product([...factors.filter(factor => !dependsOn(factor)), { kind: 'sum', over, of: inside }])
}

/** A ratio without common factors; P(a, b | c) / P(b | c) becomes P(a | b, c). */
export function ratio(above: Estimand, below: Estimand): Estimand {
  const upper = above.kind === 'product' ? [...above.factors] : [above]
  const lower = below.kind === 'product' ? [...below.factors] : [below]
  for (const factor of [...lower]) {
    const at = upper.findIndex(other => areEqual(other, factor))
    if (at < 0) continue
    upper.splice(at, 1)
    lower.splice(lower.indexOf(factor), 1)
  }
  if (lower.length === 0) return product(upper)
  const [one, other] = [upper[0], lower[0]]
  if (upper.length === 1 && lower.length === 1 && one?.kind === 'probability' && other?.kind === 'probability') {
    const rest = one.of.filter(name => !other.of.includes(name))
    if (rest.length + other.of.length === one.of.length && areSame(one.given, other.given))
      return probability(rest, [...other.of, ...one.given])
  }
  return { kind: 'ratio', above: product(upper), below: product(lower) }
}

/** Variables whose values the quantity depends on. */
export function freeVariables(estimand: Estimand): ReadonlySet<string> {
  const known = freeCache.get(estimand)
  if (known) return known
  const free = findFree(estimand)
  freeCache.set(estimand, free)
  return free
}

const freeCache = new WeakMap<Estimand, ReadonlySet<string>>()

function findFree(estimand: Estimand): Set<string> {
  switch (estimand.kind) {
    case 'probability':
      return new Set([...estimand.of, ...estimand.given])
    case 'sum':
      return new Set([...freeVariables(estimand.of)].filter(name => !estimand.over.includes(name)))
    case 'product':
      return new Set(estimand.factors.flatMap(factor => [...freeVariables(factor)]))
    case 'ratio':
      return new Set([...freeVariables(estimand.above), ...freeVariables(estimand.below)])
  }
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
  const set = new Set(a)
  return set.size === new Set(b).size && b.every(name => set.has(name))
}

function areEqual(a: Estimand, b: Estimand): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b))
}

/** The same quantity with its sets in alphabetical order. */
function canonical(estimand: Estimand): unknown {
  switch (estimand.kind) {
    case 'probability':
      return { of: [...estimand.of].sort(), given: [...estimand.given].sort() }
    case 'sum':
      return { over: [...estimand.over].sort(), sum: canonical(estimand.of) }
    case 'product':
      return estimand.factors.map(factor => JSON.stringify(canonical(factor))).sort()
    case 'ratio':
      return [canonical(estimand.above), '/', canonical(estimand.below)]
  }
}
