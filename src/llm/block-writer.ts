import type { Buffer, MapExpression, ProgramBuilder, WeightSource } from '../program/index.ts'
import type { MlpConfig, NormConfig } from './block-config.ts'

/** Finds the tensor of a role. */
export type WeightLocator<Role extends string> = (role: Role, part: 'weight' | 'bias', layer?: number) => WeightSource

/** A matrix `[size, columns of x]` and, where there is one, its bias `[size]`. */
export interface Projection<Role extends string> {
  readonly role: Role
  readonly size: number
  readonly hasBias: boolean
}

export interface BlockWriterOptions<Role extends string> {
  readonly builder: ProgramBuilder
  readonly locate: WeightLocator<Role>
  /** Makes what {@link BlockWriter.tap} marks outputs of the program as well. */
  readonly hasTaps: boolean
}

/**
 * Writes the instructions that blocks of every kind of transformer share; a family's roles name its weights. A writer
 * {@link at} a layer finds that layer's weights and prefixes its names, `layer0.` and so on.
 */
export class BlockWriter<Role extends string> {
  readonly builder: ProgramBuilder
  readonly #options: BlockWriterOptions<Role>
  readonly #prefix: string
  readonly #layer: number | undefined

  constructor(options: BlockWriterOptions<Role>, prefix = '', layer?: number) {
    this.builder = options.builder
    this.#options = options
    this.#prefix = prefix
    this.#layer = layer
  }

  /** The same program, at layer `layer`, whose instructions and taps are named `name.…`. */
  at(name: string, layer: number): BlockWriter<Role> {
    return new BlockWriter(this.#options, `${this.#prefix}${name}.`, layer)
  }

  /** A name inside the layer, for instructions written with {@link builder} itself. */
  name(part: string): string {
    return this.#prefix + part
  }

  /** Where the numbers of a role lie. */
  source(role: Role, part: 'weight' | 'bias' = 'weight'): WeightSource {
    return this.#options.locate(role, part, this.#layer)
  }

  weight(role: Role, shape: readonly number[]): Buffer {
    return this.builder.weight(this.source(role), shape)
  }

  bias(role: Role, size: number): Buffer {
    return this.builder.weight(this.source(role, 'bias'), [size])
  }

  /** Projections of x `[M, K]` in one instruction: `activation(weight · x + bias)`, one `[M, size]` each. */
  project(name: string, projections: readonly Projection<Role>[], x: Buffer, activation?: MlpConfig['activation']): Buffer[] {
    const operands = projections.flatMap(projection => this.#operands(projection, x))
    return this.builder.apply('matmul', this.name(name), [x, undefined, undefined, ...operands], activation ? { activation } : {})
  }

  /** `residual + weight · x + bias`, or without the residual. */
  residual(name: string, projection: Projection<Role>, x: Buffer, residual: Buffer | undefined): Buffer {
    return this.builder.op('matmul', this.name(name), [x, undefined, residual, ...this.#operands(projection, x)], {})
  }

  /** Normalises the rows of x. */
  norm(name: string, role: Role, x: Buffer, { kind, epsilon, hasBias }: NormConfig): Buffer {
    const width = x.shape.at(-1) as number
    const bias = hasBias ? this.bias(role, width) : undefined
    return this.builder.op('norm', this.name(name), [x, this.weight(role, [width]), bias], { kind, epsilon })
  }

  map(name: string, inputs: readonly Buffer[], expression: MapExpression): Buffer {
    return this.builder.op('map', this.name(name), inputs, { expression })
  }

  add(name: string, a: Buffer, b: Buffer): Buffer {
    return this.map(name, [a, b], ['add', { input: 0 }, { input: 1 }])
  }

  /** Makes an intermediate result an output under its name in the layer, where the program is written with taps. */
  tap(name: string, buffer: Buffer): void {
    if (this.#options.hasTaps) this.builder.output(this.name(name), buffer)
  }

  #operands({ role, size, hasBias }: Projection<Role>, x: Buffer): [Buffer, Buffer | undefined] {
    return [this.weight(role, [size, x.shape[1] as number]), hasBias ? this.bias(role, size) : undefined]
  }
}
