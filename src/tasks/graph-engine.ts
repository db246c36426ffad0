import type { ModelValue, ProfileOptions, TensorProfile } from '../core/index.ts'
import type { OnnxValueInfo } from '../formats/index.ts'
import { type CompiledGraph, profileGraph, type StartedGraph } from '../graph/index.ts'
import type { TensorEngine } from './tensor-model.ts'

/** Runs a compiled graph; inputs with values of their own may be given. */
export class GraphEngine implements TensorEngine {
  readonly inputs: readonly OnnxValueInfo[]
  readonly optionalInputs: readonly OnnxValueInfo[]
  readonly outputs: readonly string[]
  readonly #started: StartedGraph

  /** @param defaults - inputs that have a value of their own unless one is given */
  constructor(started: StartedGraph, defaults: readonly OnnxValueInfo[]) {
    const { inputs, outputs } = started.graph.graph
    this.inputs = inputs
    this.optionalInputs = defaults
    this.outputs = outputs
    this.#started = started
  }

  async run(inputs: ReadonlyMap<string, ModelValue>, signal: AbortSignal): Promise<readonly ModelValue[]> {
    return (await this.#graphFor(inputs)).run(inputs, signal)
  }

  async profile(inputs: ReadonlyMap<string, ModelValue>, options: ProfileOptions): Promise<TensorProfile> {
    return profileGraph(await this.#graphFor(inputs), inputs, options)
  }

  dispose(): void {
    this.#started.graph.dispose()
    this.#started.backend.dispose()
  }

  /** The graph that takes the inputs that are given. */
  async #graphFor(inputs: ReadonlyMap<string, ModelValue>): Promise<CompiledGraph> {
    const given = this.optionalInputs.flatMap(({ name }) => (inputs.has(name) ? [name] : []))
    return given.length === 0 ? this.#started.graph : this.#started.withDefaultsGiven(given)
  }
}
