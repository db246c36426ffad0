import { HenceError, Rng, throwIfAborted } from '../core/index.ts'
import type { OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from '../formats/index.ts'
import { Attributes } from './attributes.ts'
import { functionOf, resolveReferences } from './expand-functions.ts'
import { labelOf } from './graph.ts'
import type { OperatorHost, Value } from './operator.ts'
import { findOperator } from './operators/index.ts'

const DEFAULT_LOOP_ITERATIONS = 100_000

/** Limits of one interpretation. */
export interface InterpretOptions {
  /** A Loop beyond this many iterations is refused; 100,000 by default. */
  readonly maxLoopIterations?: number | undefined
  readonly seed?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs a graph node by node by the definitions of its operators: slow, and what compiled graphs are compared with.
 *
 * @param inputs - by name; an input that an initializer gives may be left out
 * @returns the graph's outputs by name
 * @throws HenceError `GRAPH_INVALID`, `OPERATOR_UNSUPPORTED`, `SHAPE_MISMATCH`, `ABORTED`
 */
export async function interpret(
  model: OnnxModel,
  inputs: Readonly<Record<string, Value>>,
  options: InterpretOptions = {},
): Promise<Record<string, Value>> {
  const scope = new Scope(model.graph.initializers, undefined)
  for (const { name } of model.graph.defaults ?? []) if (inputs[name]) scope.set(name, inputs[name])
  for (const { name } of model.graph.inputs) {
    const value = inputs[name]
    if (value) scope.set(name, value)
    else if (!scope.get(name)) throw new HenceError('OPTION_INVALID', `input "${name}" is missing`, { input: name })
  }
  const results = await new Interpreter(model, options).runNodes(model.graph, scope, model.opsets)
  return Object.fromEntries(model.graph.outputs.map(({ name }, i) => [name, results[i]!]))
}

/** Where a body finds the values around it. */
export interface OuterScope {
  get(name: string): Value | undefined
}

/** Values by name; a body sees the values around it. */
class Scope {
  readonly #values: Map<string, Value>
  readonly #outer: OuterScope | undefined

  constructor(values: ReadonlyMap<string, Value>, outer: OuterScope | undefined) {
    this.#values = new Map(values)
    this.#outer = outer
  }

  get(name: string): Value | undefined {
    return this.#values.get(name) ?? this.#outer?.get(name)
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value)
  }
}

type Body = Pick<OnnxGraph, 'nodes'> & { readonly outputs: readonly { readonly name: string }[] }

/** Runs nodes in scopes. */
export class Interpreter {
  readonly #model: OnnxModel
  readonly #options: InterpretOptions

  constructor(model: OnnxModel, options: InterpretOptions) {
    this.#model = model
    this.#options = options
  }

  /** Values of the outputs of a body, in order. */
  async runNodes({ nodes, outputs }: Body, scope: Scope, opsets: ReadonlyMap<string, number>): Promise<Value[]> {
    for (const node of nodes) {
      throwIfAborted(this.#options.signal)
      const results = await this.#runNode(node, scope, opsets)
      for (const [i, name] of node.outputs.entries()) {
        const value = results[i]
        if (name !== '' && value) scope.set(name, value)
      }
    }
    return outputs.map(({ name }) => {
      const value = scope.get(name)
      if (!value) throw new HenceError('GRAPH_INVALID', `no node computes the output "${name}"`, { output: name })
      return value
    })
  }

  async #runNode(node: OnnxNode, scope: Scope, opsets: ReadonlyMap<string, number>): Promise<readonly (Value | undefined)[]> {
    const label = labelOf(node)
    const inputs = node.inputs.map(name => {
      if (name === '') return undefined
      const value = scope.get(name)
      if (!value) throw new HenceError('GRAPH_INVALID', `${label}: nothing computes its input "${name}"`, { node: label, input: name })
      return value
    })
    const defined = functionOf(this.#model, node)
    if (defined) return this.#runFunction(defined, node, inputs)
    const operator = findOperator(node.domain, node.op)
    if (!operator)
      throw new HenceError('OPERATOR_UNSUPPORTED', `${label}: Hence has no operator ${node.domain || 'ai.onnx'}.${node.op}`, {
        missing: { [`${node.domain || 'ai.onnx'}.${node.op}`]: 1 },
      })
    const version = opsets.get(node.domain) ?? opsets.get(node.domain === '' ? 'ai.onnx' : '') ?? 1
    return operator.run({
      node: label,
      version,
      inputs,
      attributes: new Attributes(label, node.attributes),
      outputCount: node.outputs.length,
      host: this.host(scope, opsets),
    })
  }

  /** What operators get to run bodies in a scope with. */
  host(scope: OuterScope, opsets: ReadonlyMap<string, number>): OperatorHost {
    const { seed, maxLoopIterations = DEFAULT_LOOP_ITERATIONS, signal } = this.#options
    return {
      random: own => new Rng(own ?? seed ?? 0),
      runGraph: (graph, values) => {
        const inner = new Scope(graph.initializers, scope)
        for (const [i, { name }] of graph.inputs.entries()) if (values[i]) inner.set(name, values[i])
        return this.runNodes(graph, inner, opsets)
      },
      maxLoopIterations,
      signal,
    }
  }

  /** A function's nodes see only its own inputs; attributes they name are those of the node that calls it. */
  #runFunction(f: OnnxFunction, call: OnnxNode, inputs: readonly (Value | undefined)[]): Promise<Value[]> {
    const scope = new Scope(new Map(), undefined)
    for (const [i, name] of f.inputs.entries()) if (inputs[i]) scope.set(name, inputs[i])
    const given = { ...f.defaults, ...call.attributes }
    const nodes = f.nodes.map(node => ({ ...node, attributes: resolveReferences(node.attributes, given) }))
    return this.runNodes({ nodes, outputs: f.outputs.map(name => ({ name })) }, scope, f.opsets)
  }
}
