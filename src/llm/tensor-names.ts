import type { WeightSource } from '../program/index.ts'
import type { WeightLocator } from './block-writer.ts'

/** Where a role's numbers lie: a tensor named `base` and `.weight` or `.bias`, or a part of its rows. */
export interface TensorPlace<Role extends string> {
  /**
   * `{layer}` stands for the layer's index, `{prefix}` for the prefix of the checkpoint, `{expert}` for the index of each
   * expert: so many tensors are stacked.
   */
  readonly base: string
  /** What follows `base`; `.weight` and `.bias` by default. */
  readonly suffixes?: Readonly<Record<'weight' | 'bias', string>>
  /** The roles whose rows the tensor holds, one after the other. */
  readonly fused?: readonly Role[]
  /** Fused rows take turns: each group of the layer has some of every role. */
  readonly isGrouped?: boolean
  /** The file holds `[in, out]`. */
  readonly transpose?: boolean
  /** More about how the weight, or the bias, lies in the file. */
  readonly weight?: Partial<WeightSource>
  readonly bias?: Partial<WeightSource>
}

/** The names one family uses in one kind of file. */
export interface TensorNames<Role extends string> {
  /** What `{prefix}` may be; the first with which the checkpoint has the tensor of some role counts. */
  readonly prefixes: readonly string[]
  readonly places: Readonly<Partial<Record<Role, TensorPlace<Role>>>>
}

/** Rows of a role's weight in a layer; asked for fused tensors only. */
export type RoleRows<Role extends string> = (role: Role, layer: number) => number

const SUFFIXES = { weight: '.weight', bias: '.bias' }

/** How many parts some tensors of a layer have. */
export interface LayerCounts {
  /** Groups that take turns where {@link TensorPlace.isGrouped}; 1 by default. */
  groups?(layer: number): number
  /** Experts with tensors of their own; 1 by default. */
  experts?(layer: number): number
}

/** A locator for the checkpoint whose tensors are `tensors`. */
export function tensorLocator<Role extends string>(
  { prefixes, places }: TensorNames<Role>,
  tensors: { has(name: string): boolean },
  rowsOf: RoleRows<Role>,
  counts: LayerCounts = {},
): WeightLocator<Role> {
  const nameOf = (place: TensorPlace<Role>, part: 'weight' | 'bias', prefix: string, layer: number): string =>
    place.base.replace('{prefix}', prefix).replace('{layer}', String(layer)) + (place.suffixes ?? SUFFIXES)[part]
  const prefixed = Object.values<TensorPlace<Role> | undefined>(places).filter(place => place?.base.includes('{prefix}'))
  const prefix = prefixes.find(p => prefixed.some(place => tensors.has(nameOf(place!, 'weight', p, 0)))) ?? prefixes[0] ?? ''
  return (role, part, layer = 0): WeightSource => {
    const place = places[role] ?? { base: role }
    const tensor = expertNames(nameOf(place, part, prefix, layer), counts.experts?.(layer) ?? 1)
    const transpose = place.transpose && part === 'weight' ? { transpose: true } : {}
    return { tensor, ...transpose, ...fusedRows(place, role, layer, rowsOf, counts), ...place[part] }
  }
}

function expertNames(name: string, count: number): string | readonly string[] {
  return name.includes('{expert}') ? Array.from({ length: count }, (_, expert) => name.replace('{expert}', String(expert))) : name
}

function fusedRows<Role extends string>(
  { fused, isGrouped }: TensorPlace<Role>,
  role: Role,
  layer: number,
  rowsOf: RoleRows<Role>,
  counts: LayerCounts,
): Pick<WeightSource, 'rows' | 'every'> {
  if (!fused) return {}
  const groups = isGrouped ? (counts.groups?.(layer) ?? 1) : 1
  const sizes = fused.map(other => rowsOf(other, layer) / groups)
  const sum = (list: readonly number[]): number => list.reduce((total, size) => total + size, 0)
  const begin = sum(sizes.slice(0, fused.indexOf(role)))
  const rows = [begin, begin + sizes[fused.indexOf(role)]!] as const
  return isGrouped ? { rows, every: sum(sizes) } : { rows }
}
