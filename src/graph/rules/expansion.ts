import { elementCount } from '../../core/index.ts'
import type { OnnxTensor } from '../../formats/index.ts'
import type { Attributes } from '../attributes.ts'
import { attributesOf, type GraphNode, labelOf } from '../graph.ts'
import type { GraphTensor } from '../operator.ts'

/** Version of ai.onnx that new nodes are of. */
const VERSION = 21

/** Takes the place of a node by others; false where it has to stay, and what was added is dropped. */
export type Expand = (x: Expansion) => boolean

/** True for known 8-bit codes. */
export function isCodes(tensor: GraphTensor | undefined): tensor is GraphTensor {
  return tensor?.dtype === 'u8' || tensor?.dtype === 'i8'
}

/** Nodes and constants in the making that take the place of one node. */
export class Expansion {
  readonly nodes: GraphNode[] = []
  readonly constants: Map<string, GraphTensor> = new Map()
  readonly #node: GraphNode
  readonly #lookup: (name: string) => GraphTensor | undefined
  readonly #take: (name: string) => string

  /** @param take - makes a name of its own from a name */
  constructor(node: GraphNode, lookup: (name: string) => GraphTensor | undefined, take: (name: string) => string) {
    this.#node = node
    this.#lookup = lookup
    this.#take = take
  }

  get attributes(): Attributes {
    return attributesOf(this.#node)
  }

  get inputCount(): number {
    return this.#node.inputs.length
  }

  /** The name of an operand; empty where it is left out. */
  input(position: number): string {
    return this.#node.inputs[position] ?? ''
  }

  known(position: number): GraphTensor | undefined {
    return this.#lookup(this.input(position))
  }

  /** The number at a position, where one alone is known there. */
  single(position: number): number | undefined {
    const tensor = this.known(position)
    return tensor && elementCount(tensor.shape) === 1 ? Number(tensor.data[0]) : undefined
  }

  /** True when a scale at a position and a zero point after it are one known number each; the zero point may be left out. */
  hasGrid(position: number): boolean {
    const zero = position + 1
    return this.single(position) !== undefined && (this.input(zero) === '' || this.single(zero) !== undefined)
  }

  /** {@link hasGrid} with a zero point that says the type of 8-bit codes. */
  hasCodeGrid(position: number): boolean {
    return this.hasGrid(position) && isCodes(this.known(position + 1))
  }

  /** Adds a node with one result and gives the result's name. */
  add(op: string, inputs: readonly string[], attributes: GraphNode['attributes'] = {}, version: number = VERSION): string {
    return this.#add(op, inputs, [this.#name(op)], attributes, version)[0]!
  }

  /** {@link add} of the node whose result is that of the whole. */
  finish(op: string, inputs: readonly string[], attributes: GraphNode['attributes'] = {}): true {
    this.#add(op, inputs, this.#node.outputs, attributes, VERSION)
    return true
  }

  /** Adds a dynamic quantisation of a value; gives the names of codes, scale and zero point. */
  quantiseDynamically(input: string): readonly [codes: string, scale: string, zero: string] {
    const outputs = ['codes', 'scale', 'zero'].map(name => this.#name(name))
    return this.#add('DynamicQuantizeLinear', [input], outputs, {}, VERSION) as [string, string, string]
  }

  constant(name: string, tensor: OnnxTensor): string {
    const own = this.#name(name)
    this.constants.set(own, tensor)
    return own
  }

  scalar(value: number): string {
    return this.constant(String(value), { dtype: 'f32', shape: [], data: Float32Array.of(value) })
  }

  #add(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: GraphNode['attributes'],
    version: number,
  ): readonly string[] {
    const [domain, own] = op.startsWith('hence.') ? ['hence', op.slice(6)] : ['', op]
    const label = labelOf(this.#node)
    this.nodes.push({ name: `${this.#node.name}/${this.nodes.length}`, label, domain, op: own, version, inputs, outputs, attributes })
    return outputs
  }

  #name(part: string): string {
    return this.#take(`${this.#node.outputs[0] || this.#node.name}/${part}`)
  }
}
