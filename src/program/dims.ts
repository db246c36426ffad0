import { HenceError } from '../core/index.ts'

/** A size given by the caller at every run: tokens, sequences, blocks… */
export interface BoundDim {
  readonly kind: 'bound'
  readonly name: string
}

/** A size an instruction finds out while it runs, never more than `bound`. */
export interface ProducedDim {
  readonly kind: 'produced'
  readonly name: string
  readonly bound: Dim
}

/** A product of sizes, such as tokens × experts per token. */
export interface ProductDim {
  readonly kind: 'product'
  readonly factors: readonly Dim[]
}

/** One axis of a buffer: a number known at load, or a size known later. */
export type Dim = number | BoundDim | ProducedDim | ProductDim

/** Values of bound and produced dims by name. */
export type DimValues = Readonly<Record<string, number>>

/** A dim bound by the caller. */
export function boundDim(name: string): BoundDim {
  return { kind: 'bound', name }
}

/** A dim an instruction produces, with its upper bound. */
export function producedDim(name: string, bound: Dim): ProducedDim {
  return { kind: 'produced', name, bound }
}

/** The product of dims, folded to a number where it can be. */
export function productDim(...dims: readonly Dim[]): Dim {
  let known = 1
  const rest: Dim[] = []
  for (const dim of dims.flatMap(d => (typeof d === 'object' && d.kind === 'product' ? d.factors : [d]))) {
    if (typeof dim === 'number') known *= dim
    else rest.push(dim)
  }
  if (rest.length === 0) return known
  if (rest.length === 1 && known === 1) return rest[0]!
  return { kind: 'product', factors: known === 1 ? rest : [known, ...rest] }
}

/** Distance in elements between neighbours along each axis of a dense row-major tensor. */
export function denseStrides(shape: readonly Dim[]): readonly Dim[] {
  return shape.map((_, axis) => productDim(...shape.slice(axis + 1)))
}

/** The value of a dim under `values`. @throws HenceError `PROGRAM_INVALID` when a name has no value */
export function resolveDim(dim: Dim, values: DimValues): number {
  if (typeof dim === 'number') return dim
  if (dim.kind === 'product') return dim.factors.reduce<number>((product, factor) => product * resolveDim(factor, values), 1)
  const value = values[dim.name]
  if (value === undefined) throw new HenceError('PROGRAM_INVALID', `dim ${dim.name} has no value`, { dim: dim.name })
  return value
}

/** The largest value of a dim when every bound dim is at its limit. */
export function largestDim(dim: Dim, limits: DimValues): number {
  if (typeof dim === 'number') return dim
  if (dim.kind === 'product') return dim.factors.reduce<number>((product, factor) => product * largestDim(factor, limits), 1)
  return dim.kind === 'produced' ? largestDim(dim.bound, limits) : resolveDim(dim, limits)
}

/** The value of a dim when every symbol is 1: a number per token, say. */
export function unitDim(dim: Dim): number {
  if (typeof dim === 'number') return dim
  if (dim.kind === 'product') return dim.factors.reduce<number>((product, factor) => product * unitDim(factor), 1)
  return dim.kind === 'produced' ? unitDim(dim.bound) : 1
}

/** True when two dims are the same for every binding. */
export function sameDim(a: Dim, b: Dim): boolean {
  if (typeof a === 'number' || typeof b === 'number') return a === b
  if (a.kind === 'product' && b.kind === 'product')
    return a.factors.length === b.factors.length && a.factors.every((factor, i) => sameDim(factor, b.factors[i]!))
  return a.kind !== 'product' && b.kind !== 'product' && a.name === b.name
}

/** `512`, `T`, `N≤T·4`. */
export function formatDim(dim: Dim): string {
  if (typeof dim === 'number') return String(dim)
  if (dim.kind === 'product') return dim.factors.map(formatDim).join('·')
  return dim.kind === 'produced' ? `${dim.name}≤${formatDim(dim.bound)}` : dim.name
}

/** `[T, 64]`. */
export function formatShape(shape: readonly Dim[]): string {
  return `[${shape.map(formatDim).join(', ')}]`
}
