import { HASH_SEED } from './hash-seed.ts'

/**
 * Finds the texts of a list that a text begins with, by following its UTF-16 code units from node to node. Nodes are
 * numbers; 0 is the root. The edges lie in one open-addressing table.
 */
export class PrefixTrie {
  #mask: number
  /** Node and code unit of each edge, node + 1 so that 0 is an empty slot, and the node it leads to. */
  #nodes: Int32Array
  #units: Uint16Array
  #targets: Int32Array
  #edges = 0
  /** Id of the text that ends at each node, -1 for none. */
  #ids: Int32Array
  #size = 1

  constructor(texts: readonly (string | undefined)[], includes?: (id: number) => boolean) {
    this.#mask = 1023
    this.#nodes = new Int32Array(1024)
    this.#units = new Uint16Array(1024)
    this.#targets = new Int32Array(1024)
    this.#ids = new Int32Array(1024).fill(-1)
    for (let id = 0; id < texts.length; id++) {
      const text = texts[id]
      if (text !== undefined && text !== '' && (!includes || includes(id))) this.#insert(text, id)
    }
  }

  /** Node that `unit` leads to from `node`, -1 for none. */
  next(node: number, unit: number): number {
    let slot = hash(node, unit) & this.#mask
    for (;;) {
      const found = this.#nodes[slot]!
      if (found === 0) return -1
      if (found === node + 1 && this.#units[slot] === unit) return this.#targets[slot]!
      slot = (slot + 1) & this.#mask
    }
  }

  /** Id of the text that ends at `node`, the last of equal ones; -1 for none. */
  idAt(node: number): number {
    return this.#ids[node]!
  }

  #insert(text: string, id: number): void {
    let node = 0
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      const known = this.next(node, unit)
      node = known >= 0 ? known : this.#grow(node, unit)
    }
    this.#ids[node] = id
  }

  #grow(node: number, unit: number): number {
    if (2 * (this.#edges + 1) > this.#mask + 1) this.#makeRoom()
    if (this.#size === this.#ids.length) {
      const ids = new Int32Array(2 * this.#size).fill(-1)
      ids.set(this.#ids)
      this.#ids = ids
    }
    const target = this.#size++
    this.#link(node, unit, target)
    this.#edges++
    return target
  }

  #link(node: number, unit: number, target: number): void {
    let slot = hash(node, unit) & this.#mask
    while (this.#nodes[slot] !== 0) slot = (slot + 1) & this.#mask
    this.#nodes[slot] = node + 1
    this.#units[slot] = unit
    this.#targets[slot] = target
  }

  #makeRoom(): void {
    const nodes = this.#nodes
    const units = this.#units
    const targets = this.#targets
    const slots = 2 * nodes.length
    this.#mask = slots - 1
    this.#nodes = new Int32Array(slots)
    this.#units = new Uint16Array(slots)
    this.#targets = new Int32Array(slots)
    for (let slot = 0; slot < nodes.length; slot++) {
      if (nodes[slot] !== 0) this.#link(nodes[slot]! - 1, units[slot]!, targets[slot]!)
    }
  }
}

function hash(node: number, unit: number): number {
  const mixed = Math.imul(node ^ Math.imul(unit ^ HASH_SEED, 0x85ebca6b), 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}
