import type { WeightSource } from '../program/index.ts'
import type { LayerConfig } from './decoder-config.ts'

/** What a tensor does in a layer. */
export type LayerRole = 'attentionNorm' | 'q' | 'k' | 'v' | 'attentionOutput' | 'mlpNorm' | 'gate' | 'up' | 'down'
/** What a tensor does in the whole model. */
export type ModelRole = 'embedding' | 'positions' | 'finalNorm' | 'head'

/** Where a role's numbers lie: a tensor named `base` and `.weight` or `.bias`, or a part of its rows. */
export interface TensorPlace {
  /** `{layer}` stands for the layer's index, `{prefix}` for the prefix of the checkpoint. */
  readonly base: string
  /** The roles whose rows the tensor holds, one after the other. */
  readonly fused?: readonly LayerRole[]
  /** The file holds `[in, out]`. */
  readonly transpose?: boolean
}

/** The names one family uses in one kind of file. */
export interface TensorNames {
  /** What `{prefix}` may be; the first that fits the checkpoint counts. */
  readonly prefixes: readonly string[]
  readonly places: Readonly<Partial<Record<LayerRole | ModelRole, TensorPlace>>>
}

/** Finds the tensors of roles. */
export type TensorLocator = (role: LayerRole | ModelRole, part: 'weight' | 'bias', layer?: number) => WeightSource

/** A locator for the checkpoint whose tensors are `tensors`. */
export function tensorLocator(names: TensorNames, tensors: { has(name: string): boolean }, layers: readonly LayerConfig[]): TensorLocator {
  const prefix =
    names.prefixes.find(p => tensors.has(`${names.places.embedding?.base.replace('{prefix}', p)}.weight`)) ?? names.prefixes[0] ?? ''
  return (role, part, layer = 0) => {
    const place = names.places[role] ?? { base: role }
    const tensor = `${place.base.replace('{prefix}', prefix).replace('{layer}', String(layer))}.${part}`
    const transpose = place.transpose && part === 'weight' ? { transpose: true } : {}
    return place.fused ? { tensor, ...transpose, rows: fusedRows(place.fused, role, layers[layer]!) } : { tensor, ...transpose }
  }
}

function fusedRows(fused: readonly LayerRole[], role: LayerRole | ModelRole, layer: LayerConfig): readonly [number, number] {
  let begin = 0
  for (const other of fused) {
    if (other === role) break
    begin += outputSize(other, layer)
  }
  return [begin, begin + outputSize(role as LayerRole, layer)]
}

/** Rows of a projection's weight. */
export function outputSize(role: LayerRole, { attention, mlp }: LayerConfig): number {
  if (role === 'q') return attention.heads * attention.headDim
  if (role === 'k' || role === 'v') return attention.kvHeads * attention.headDim
  return mlp.width
}
