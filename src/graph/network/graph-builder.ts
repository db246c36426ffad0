import { type ElementType, HenceError, nearest, type Tensor } from '../../core/index.ts'
import type { OnnxDim, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxType, OnnxValueInfo } from '../../formats/index.ts'
import { OPERATOR_NAMES } from '../operators/names.ts'
import { NetworkValue, type Operand } from './network-value.ts'
import { type NodeAttributes, toOnnxAttributes } from './node-attributes.ts'

/** Settings of a network. */
export interface NetworkOptions {
  /** Version of the ai.onnx operators; 23 by default. */
  readonly opset?: number
  /** Versions of further operator sets, where not the usual ones. */
  readonly opsets?: Readonly<Record<string, number>>
  /** Facts about the network, kept in files. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** How one node is made. */
export interface NodeOptions {
  /** Operator set; ai.onnx by default. */
  readonly domain?: string
  /** How many outputs the node has, which are then returned as a list; a single value when left out. */
  readonly outputs?: number
  /** How messages and profiles call the node. */
  readonly name?: string
}

/** As many values as a node was asked for; for more than three, a plain list. */
export type NodeOutputs<Count extends number> = Count extends 2
  ? readonly [NetworkValue, NetworkValue]
  : Count extends 3
    ? readonly [NetworkValue, NetworkValue, NetworkValue]
    : readonly NetworkValue[]

const OPSET = 23
/** Versions of the file format: `newest` for operator sets after `from`, `plain` for those up to it. */
const IR_VERSION = { plain: 10, from: 22, newest: 11 }
const USUAL_OPSETS: Readonly<Record<string, number>> = { 'ai.onnx.ml': 3, 'com.microsoft': 1 }

/** Nodes, constants, inputs and outputs of a graph in the making; operators by name. */
export class GraphBuilder {
  readonly #name: string
  readonly #options: NetworkOptions
  readonly #parent: GraphBuilder | undefined
  readonly #nodes: OnnxNode[] = []
  readonly #inputs: OnnxValueInfo[] = []
  readonly #outputs = new Map<string, { readonly value: NetworkValue; readonly type: OnnxType }>()
  readonly #constants = new Map<string, OnnxTensor>()
  readonly #valueOf = new Map<Tensor<ElementType> | number, NetworkValue>()
  /** Values that bodies read, which keep their names. */
  readonly #captured = new Set<NetworkValue>()
  /** Shared with all bodies, as a body sees the names around it. */
  readonly #names: Set<string>
  readonly #domains: Set<string>

  constructor(name: string, options: NetworkOptions = {}, parent?: GraphBuilder) {
    this.#name = name
    this.#options = options
    this.#parent = parent
    this.#names = parent ? parent.#names : new Set()
    this.#domains = parent ? parent.#domains : new Set()
  }

  /**
   * An input of the network.
   *
   * @param shape - sizes; a name for one that may change from run to run, the same name for sizes that must be equal
   */
  input(name: string, dtype: ElementType, shape: readonly OnnxDim[]): NetworkValue {
    this.#take(name)
    this.#inputs.push({ name, type: { kind: 'tensor', dtype, shape } })
    return new NetworkValue(name, this)
  }

  /** Makes a value an output; type and shape are only needed in files for other programs. */
  output(name: string, value: Operand, dtype?: ElementType, shape?: readonly OnnxDim[]): void {
    this.#take(name)
    this.#outputs.set(name, { value: this.#resolve(`output "${name}"`, value), type: { kind: 'tensor', dtype, shape } })
  }

  /** A constant; the same tensor given again is the same constant. The elements are not copied. */
  constant(tensor: Tensor<ElementType> | number): NetworkValue {
    for (let at: GraphBuilder | undefined = this; at; at = at.#parent) {
      const known = at.#valueOf.get(tensor)
      if (known) return known
    }
    const value = new NetworkValue(this.#freeName(`constant_${this.#names.size}`), this)
    const data = typeof tensor === 'number' ? { dtype: 'f32' as const, shape: [], data: Float32Array.of(tensor) } : tensor
    this.#constants.set(value.name, data)
    this.#valueOf.set(tensor, value)
    return value
  }

  /**
   * A node of any operator Hence has.
   *
   * @param inputs - by position; `undefined` where one is left out
   * @throws HenceError `OPERATOR_UNSUPPORTED` for an unknown operator, `OPTION_INVALID` for a value of another network
   */
  op(
    operator: string,
    inputs: readonly (Operand | undefined)[],
    attributes?: NodeAttributes,
    options?: Omit<NodeOptions, 'outputs'>,
  ): NetworkValue
  op<Count extends number>(
    operator: string,
    inputs: readonly (Operand | undefined)[],
    attributes: NodeAttributes,
    options: NodeOptions & { readonly outputs: Count },
  ): NodeOutputs<Count>
  op(
    operator: string,
    inputs: readonly (Operand | undefined)[],
    attributes: NodeAttributes = {},
    { domain = '', outputs, name = `${operator}_${this.#nodes.length}` }: NodeOptions = {},
  ): NetworkValue | readonly NetworkValue[] {
    refuseUnknown(domain, operator)
    const label = `${operator} "${name}"`
    const names = inputs.map(input => (input === undefined ? '' : this.#resolve(label, input).name))
    while (names.at(-1) === '') names.pop()
    const unique = this.#freeName(name)
    const results = Array.from(
      { length: outputs ?? 1 },
      (_, i) => new NetworkValue(i === 0 ? unique : this.#freeName(`${unique}:${i}`), this),
    )
    if (domain !== '') this.#domains.add(domain)
    this.#nodes.push({
      name: unique,
      domain,
      op: operator,
      inputs: names,
      outputs: results.map(result => result.name),
      attributes: toOnnxAttributes(label, attributes),
    })
    return outputs === undefined ? results[0]! : results
  }

  /** The graph as it is now. @throws HenceError `GRAPH_INVALID` without outputs */
  toGraph(): OnnxGraph {
    if (this.#outputs.size === 0)
      throw new HenceError('GRAPH_INVALID', `the network "${this.#name}" has no outputs`, { network: this.#name })
    const own = new Set(this.#nodes.flatMap(node => node.outputs))
    const renamed = new Map<string, string>()
    const copies: OnnxNode[] = []
    for (const [name, { value }] of this.#outputs) {
      if (own.has(value.name) && !this.#captured.has(value) && !renamed.has(value.name)) renamed.set(value.name, name)
      else copies.push({ name, domain: '', op: 'Identity', inputs: [value.name], outputs: [name], attributes: {} })
    }
    const rename = (name: string): string => renamed.get(name) ?? name
    const nodes = [...this.#nodes, ...copies].map(node => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    }))
    return {
      name: this.#name,
      nodes,
      inputs: [...this.#inputs],
      outputs: [...this.#outputs].map(([name, { type }]) => ({ name, type })),
      values: [],
      initializers: new Map(this.#constants),
    }
  }

  /** The network as an ONNX model, sharing the memory of its constants. @throws HenceError as {@link toGraph} */
  toModel(): OnnxModel {
    const { opset = OPSET, opsets = {}, metadata = {} } = this.#options
    const versions = new Map<string, number>([['', opset]])
    for (const domain of this.#domains) versions.set(domain, opsets[domain] ?? USUAL_OPSETS[domain] ?? 1)
    return {
      irVersion: opset > IR_VERSION.from ? IR_VERSION.newest : IR_VERSION.plain,
      producer: 'hence',
      opsets: versions,
      graph: this.toGraph(),
      functions: [],
      metadata: new Map(Object.entries(metadata)),
      files: [],
    }
  }

  #resolve(where: string, operand: Operand): NetworkValue {
    if (!(operand instanceof NetworkValue)) return this.constant(operand)
    for (let at: GraphBuilder | undefined = this; at; at = at.#parent) {
      if (operand.owner !== at) continue
      if (at !== this) at.#captured.add(operand)
      return operand
    }
    throw new HenceError('OPTION_INVALID', `${where}: the value "${operand.name}" belongs to another network`, {
      where,
      value: operand.name,
      network: this.#name,
    })
  }

  #take(name: string): void {
    if (name === '' || this.#names.has(name))
      throw new HenceError(
        'OPTION_INVALID',
        `the network "${this.#name}" ${name === '' ? 'needs a name for a value' : `has two values "${name}"`}`,
        {
          network: this.#name,
          value: name,
        },
      )
    this.#names.add(name)
  }

  #freeName(wish: string): string {
    let name = wish
    for (let i = this.#names.size; this.#names.has(name); i++) name = `${wish}_${i}`
    this.#names.add(name)
    return name
  }
}

function refuseUnknown(domain: string, operator: string): void {
  const names = OPERATOR_NAMES[domain] ?? []
  if (names.includes(operator)) return
  const close = nearest(operator, names)
  throw new HenceError(
    'OPERATOR_UNSUPPORTED',
    `there is no operator ${domain === '' ? '' : `${domain}.`}${operator}${close ? `; did you mean ${close}?` : ''}`,
    { operator, domain, ...(close ? { suggestion: close } : {}) },
  )
}
