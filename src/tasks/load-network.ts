import { type NetworkFile, openNetwork } from '../formats/index.ts'
import { BayesNet, buildNetwork } from '../reason/index.ts'

/** Options of `load` for Bayesian networks. */
export interface LoadNetworkOptions {
  readonly signal?: AbortSignal | undefined
}

/** What there is to say of a Bayesian network; plain JSON data. */
export interface NetworkModelDescription {
  readonly kind: 'network'
  readonly source: string
  readonly format: string
  readonly name: string
  readonly variables: number
  readonly arcs: number
  /** States of the variable that has most. */
  readonly maxStates: number
  readonly maxParents: number
  /** Probabilities in all tables, and how many of them are zero. */
  readonly cells: number
  readonly zeros: number
  /** Rows of all tables, those that were divided by their sum, and the largest distance of a sum from 1. */
  readonly rows: { readonly count: number; readonly normalized: number; readonly worstDeviation: number }
  readonly files: readonly { readonly path: string; readonly bytes: number }[]
}

/** A Bayesian network from a file. */
export class NetworkModel extends BayesNet {
  readonly #file: Omit<NetworkFile, 'network'>

  /** @throws HenceError `NETWORK_INVALID` */
  constructor({ network, ...file }: NetworkFile) {
    super(buildNetwork(network))
    this.#file = file
  }

  /** Sizes and what was done to the rows of the tables, as plain data. */
  describe(): NetworkModelDescription {
    const { name, variables, rows } = this.network
    const { path, format, bytes } = this.#file
    return {
      kind: 'network',
      source: path,
      format,
      name,
      variables: variables.length,
      arcs: variables.reduce((sum, { parents }) => sum + parents.length, 0),
      maxStates: variables.reduce((most, { states }) => Math.max(most, states.length), 0),
      maxParents: variables.reduce((most, { parents }) => Math.max(most, parents.length), 0),
      cells: variables.reduce((sum, { cpt }) => sum + cpt.length, 0),
      zeros: variables.reduce((sum, { cpt }) => sum + cpt.reduce((count, p) => (p === 0 ? count + 1 : count), 0), 0),
      rows: { ...rows },
      files: [{ path, bytes }],
    }
  }

  /** Nothing is held that the garbage collector does not free. */
  dispose(): void {}

  [Symbol.dispose](): void {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Loads a Bayesian network. @throws HenceError about the file, `NETWORK_INVALID` */
export async function loadNetwork(path: string, { signal }: LoadNetworkOptions = {}): Promise<NetworkModel> {
  return new NetworkModel(await openNetwork(path, signal))
}
