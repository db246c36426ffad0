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
  const flat = factors.flatMap(factorsOf)
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
  let left = { over, factors: factorsOf(of) }
  for (;;) {
    const dropped = dropAlone(left)
    // Factors that join can leave another variable to one probability.
    left = { over: dropped.over, factors: factorsOf(product(dropped.factors)) }
    if (left.factors.length === dropped.factors.length) break
  }
  if (left.over.length === 0) return product(left.factors)
  const isOver = new Set(left.over)
  const dependsOn = (factor: Estimand): boolean => [...freeVariables(factor)].some(variable => isOver.has(variable))
  const inside = product(left.factors.filter(dependsOn))
  return product([...left.factors.filter(factor => !dependsOn(factor)), { kind: 'sum', over: left.over, of: inside }])
}

/** Sums out variables that only one probability is about, as long as there are any. */
function dropAlone({ over, factors }: { over: readonly string[]; factors: readonly Estimand[] }): {
  over: readonly string[]
  factors: readonly Estimand[]
} {
  const current: (Estimand | undefined)[] = [...factors]
  const places = new Map(over.map(variable => [variable, new Set<number>()]))
  for (const [at, factor] of factors.entries()) for (const variable of freeVariables(factor)) places.get(variable)?.add(at)
  const waiting = [...over]
  for (let variable = waiting.pop(); variable !== undefined; variable = waiting.pop()) {
    const [at, ...others] = places.get(variable) ?? []
    const only = at === undefined ? undefined : current[at]
    if (at === undefined || others.length > 0 || only?.kind !== 'probability' || !only.of.includes(variable)) continue
    places.delete(variable)
    const of = only.of.filter(name => name !== variable)
    current[at] = of.length === 0 ? undefined : probability(of, only.given)
    if (of.length > 0) continue
    for (const name of only.given) if (places.get(name)?.delete(at)) waiting.push(name)
  }
  return { over: over.filter(variable => places.has(variable)), factors: current.filter(factor => factor !== undefined) }
}

function factorsOf(estimand: Estimand): readonly Estimand[] {
  return estimand.kind === 'product' ? estimand.factors : [estimand]
}

/** A ratio without common factors; P(a, b | c) / P(b | c) becomes P(a | b, c). */
export function ratio(above: Estimand, below: Estimand): Estimand {
  const [upper, lower] = [[...factorsOf(above)], [...factorsOf(below)]]
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
  return keyOf(a) === keyOf(b)
}

const keyCache = new WeakMap<Estimand, string>()

/** The same for equal quantities: their sets in alphabetical order. */
function keyOf(estimand: Estimand): string {
  const known = keyCache.get(estimand)
  if (known !== undefined) return known
  const key = makeKey(estimand)
  keyCache.set(estimand, key)
  return key
}

function makeKey(estimand: Estimand): string {
  const names = (list: readonly string[]): string => JSON.stringify([...list].sort())
  switch (estimand.kind) {
    case 'probability':
      return `P${names(estimand.of)}${names(estimand.given)}`
    case 'sum':
      return `S${names(estimand.over)}(${keyOf(estimand.of)})`
    case 'product':
      return `X(${estimand.factors.map(keyOf).sort().join(' ')})`
    case 'ratio':
      return `R(${keyOf(estimand.above)})(${keyOf(estimand.below)})`
  }
}
