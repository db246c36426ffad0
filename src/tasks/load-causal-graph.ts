import { type CausalGraphFile, readCausalGraph } from '../formats/index.ts'
import { type Case, CausalModel, causalModel } from '../reason/index.ts'

/** Options of `load` for causal graphs. */
export interface LoadCausalOptions {
  /** Variables that are taken as unobserved, besides those the file says are. */
  readonly hidden?: readonly string[] | undefined
  /** Observed cases, to compute numbers from. */
  readonly data?: Iterable<Case> | undefined
  readonly signal?: AbortSignal | undefined
}

/** What there is to say of a causal graph; plain JSON data. */
export interface CausalGraphDescription {
  readonly kind: 'causal'
  readonly source: string
  readonly variables: readonly string[]
  readonly arrows: readonly (readonly [cause: string, effect: string])[]
  readonly confounded: readonly (readonly [string, string])[]
  readonly hidden: readonly string[]
  readonly files: readonly { readonly path: string; readonly bytes: number }[]
}

/** A causal graph from a file. */
export class CausalGraphModel extends CausalModel {
  readonly #file: CausalGraphFile

  constructor(model: CausalModel, file: CausalGraphFile) {
    super(model)
    this.#file = file
  }

  /** Variables and edges, as plain data. */
  describe(): CausalGraphDescription {
    const { path, bytes } = this.#file
    return { kind: 'causal', source: path, ...this.graph.toParts(), files: [{ path, bytes }] }
  }

  /** Nothing is held that the garbage collector does not free. */
  dispose(): void {}

  [Symbol.dispose](): void {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Loads a causal graph. @throws HenceError about the file, `CAUSAL_GRAPH_INVALID` */
export async function loadCausalGraph(path: string, { hidden, data, signal }: LoadCausalOptions = {}): Promise<CausalGraphModel> {
  const file = await readCausalGraph(path, signal)
  return new CausalGraphModel(causalModel(file.graph, { hidden, data }), file)
}
