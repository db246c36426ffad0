import type { GraphTensor } from './operator.ts'

/** Known values in layers, the last found first: what a run adds to the graph's own without copying them. */
export class LayeredConstants {
  readonly #layers: ReadonlyMap<string, GraphTensor>[]

  constructor(layer: ReadonlyMap<string, GraphTensor>) {
    this.#layers = [layer]
  }

  add(layer: ReadonlyMap<string, GraphTensor>): void {
    if (layer.size > 0) this.#layers.push(layer)
  }

  get(name: string): GraphTensor | undefined {
    for (let at = this.#layers.length - 1; at >= 0; at--) {
      const found = this.#layers[at]!.get(name)
      if (found) return found
    }
    return undefined
  }

  /** All of them in one map. */
  flat(): Map<string, GraphTensor> {
    return new Map(this.#layers.flatMap(layer => [...layer]))
  }
}
