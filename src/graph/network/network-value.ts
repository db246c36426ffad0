import type { ElementType, Tensor } from '../../core/index.ts'

/** A value of a network being built: an input, or what a node computes. Belongs to the network that made it. */
export class NetworkValue {
  /** Unique in its network. */
  readonly name: string
  /** The network or body that made it. */
  readonly owner: object

  constructor(name: string, owner: object) {
    this.name = name
    this.owner = owner
  }
}

/** What a node may read: a value, a tensor (which becomes a constant), or a number (a constant of type f32). */
export type Operand = NetworkValue | Tensor<ElementType> | number
