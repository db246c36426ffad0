import { HenceError } from '../core/index.ts'
import type { OnnxAttribute, OnnxGraph, OnnxTensor } from '../formats/index.ts'

type ValueOf<T extends OnnxAttribute['type']> = Extract<OnnxAttribute, { type: T }>['value']

/** Typed access to the attributes of a node; a wrong type or a missing one is `GRAPH_INVALID` and names the node. */
export class Attributes {
  readonly #node: string
  readonly #values: Readonly<Record<string, OnnxAttribute>>

  /** @param node - how messages call the node: `Conv "conv1"` */
  constructor(node: string, values: Readonly<Record<string, OnnxAttribute>>) {
    this.#node = node
    this.#values = values
  }

  has(name: string): boolean {
    return name in this.#values
  }

  int(name: string, fallback?: number): number {
    return this.#get(name, 'int', fallback)
  }

  float(name: string, fallback?: number): number {
    return this.#get(name, 'float', fallback)
  }

  string(name: string, fallback?: string): string {
    return this.#get(name, 'string', fallback)
  }

  ints(name: string, fallback?: readonly number[]): readonly number[] {
    return this.#get(name, 'ints', fallback)
  }

  floats(name: string, fallback?: readonly number[]): readonly number[] {
    return this.#get(name, 'floats', fallback)
  }

  strings(name: string, fallback?: readonly string[]): readonly string[] {
    return this.#get(name, 'strings', fallback)
  }

  tensor(name: string): OnnxTensor {
    return this.#get(name, 'tensor')
  }

  graph(name: string): OnnxGraph {
    return this.#get(name, 'graph')
  }

  /** The attribute as the file has it. */
  raw(name: string): OnnxAttribute | undefined {
    return this.#values[name]
  }

  #get<T extends OnnxAttribute['type']>(name: string, type: T, fallback?: ValueOf<T>): ValueOf<T> {
    const found = this.#values[name]
    if (found?.type === type) return found.value as ValueOf<T>
    // Empty lists are written without a type by some exporters.
    if (found === undefined && fallback !== undefined) return fallback
    const got = found ? `is of type ${found.type}` : 'is missing'
    throw new HenceError('GRAPH_INVALID', `${this.#node}: attribute ${name} must be of type ${type}, ${got}`, {
      node: this.#node,
      attribute: name,
      expected: type,
      got: found?.type ?? null,
    })
  }
}
