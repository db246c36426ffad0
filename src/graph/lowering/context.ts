import type { Precision } from '../../backends/index.ts'
import { allocate, type ElementType, elementCount, HenceError } from '../../core/index.ts'
import type { Buffer, MapExpression } from '../../program/index.ts'
import type { Attributes } from '../attributes.ts'
import { attributesOf, type GraphNode } from '../graph.ts'
import type { GraphTensor } from '../operator.ts'
import { axisIn, channelsLast, combine, deepestFirst, type LazyExpression, type Segment } from './segment.ts'
import { heldAs, isComputedInF32, toFloat32, toHeld, toIndices } from './storage.ts'
import { storedBytes, storedTensor } from './stored-tensor.ts'
import type { ValueLayout, ValueType } from './value-type.ts'

/** What is known of a value when a node that reads it is lowered. */
export type KnownValue =
  | { readonly kind: 'constant'; readonly tensor: GraphTensor; readonly key: string }
  | { readonly kind: 'host'; readonly type: ValueType }
  | { readonly kind: 'pending' }

/** Turns one kind of node into instructions; false when this use of it must be left to the operator's definition. */
export type Lowering = (context: LoweringContext) => boolean

/** A node being lowered: its operands in the form an instruction wants, and where its results go. */
export class LoweringContext {
  readonly node: GraphNode
  readonly attributes: Attributes
  readonly segment: Segment
  readonly precision: Precision
  readonly #lookup: (value: string) => KnownValue | undefined
  readonly #uses: (value: string) => number
  readonly #isComputedWith: (value: string) => boolean

  constructor(
    node: GraphNode,
    segment: Segment,
    precision: Precision,
    lookup: (value: string) => KnownValue | undefined,
    /** How many reads of a value are still to come, this node's included. */
    uses: (value: string) => number,
    /** True for a value that instructions are going to compute with. */
    isComputedWith: (value: string) => boolean = () => false,
  ) {
    this.node = node
    this.attributes = attributesOf(node)
    this.segment = segment
    this.precision = precision
    this.#lookup = lookup
    this.#uses = uses
    this.#isComputedWith = isComputedWith
  }

  has(position: number): boolean {
    return (this.node.inputs[position] ?? '') !== ''
  }

  /** The tensor type of an operand; undefined for one left out and for sequences and the like. */
  type(position: number): ValueType | undefined {
    const name = this.node.inputs[position]
    const found = name ? this.#lookup(name) : undefined
    if (!found) return undefined
    if (found.kind === 'constant') return found.tensor
    return found.kind === 'host' ? found.type : this.segment.values.get(name!)
  }

  /** True when the operand is a tensor that instructions compute in f32. */
  isFloat(position: number): boolean {
    const type = this.type(position)
    return type !== undefined && isComputedInF32(type.dtype)
  }

  /** The operand's numbers where they do not depend on the inputs of the graph. */
  known(position: number): GraphTensor | undefined {
    const name = this.node.inputs[position]
    const found = name ? this.#lookup(name) : undefined
    return found?.kind === 'constant' ? found.tensor : undefined
  }

  /** Known whole numbers, such as axes and sizes. */
  knownInts(position: number): number[] | undefined {
    const tensor = this.known(position)
    return tensor && Array.from(tensor.data as ArrayLike<number | bigint>, Number)
  }

  /**
   * True when the first operand is in the program, or is a value of the host on its way there: what only moves or renames it
   * is then done there too, as a node run by its definition costs more.
   */
  get isUnderWay(): boolean {
    const value = this.node.inputs[0]!
    if (this.segment.values.has(value)) return true
    return (
      this.type(0)?.dtype === 'f32' &&
      !this.known(0) &&
      elementCount(this.type(0)!.shape) > 0 &&
      this.#isComputedWith(this.node.outputs[0]!)
    )
  }

  layout(position: number): ValueLayout {
    return this.segment.values.get(this.node.inputs[position]!)?.layout ?? 'plain'
  }

  /** The operand in a buffer of its ONNX shape: floats and truth values as f32, whole numbers as they are. */
  plain(position: number): Buffer {
    return this.#converted(position, 'plain')
  }

  /** {@link plain} under another shape of as many elements. */
  plainAs(position: number, shape: readonly number[]): Buffer {
    const { found } = this.#operand(position)
    if (found.kind === 'constant') return this.segment.constant(found.key, found.tensor, heldAs(found.tensor.dtype), shape)
    return this.segment.builder.view(this.plain(position), shape)
  }

  /** {@link plain} with channels moved to the end. */
  channelsLast(position: number): Buffer {
    return this.#converted(position, 'channels-last')
  }

  #converted(position: number, layout: ValueLayout): Buffer {
    const { value, found } = this.#operand(position)
    const pending = this.segment.values.get(value)
    if (found.kind === 'constant') {
      const held = heldAs(found.tensor.dtype)
      const buffer = this.segment.constant(found.key, found.tensor, held)
      if (layout === 'plain') return buffer
      // A constant cannot be viewed, so its numbers are moved here.
      return this.segment.constant(`${found.key} channels last`, permuteChannelsLast(found.tensor), held)
    }
    const type = this.type(position)!
    const own = pending ? this.segment.materialize(value) : this.segment.input(value, type)
    if (layout === (pending?.layout ?? 'plain')) return own
    return this.segment.cached(`${value} ${layout}`, () =>
      layout === 'plain' ? this.segment.toPlain(own, type.shape, value) : this.segment.toChannelsLast(own, type.shape, value),
    )
  }

  /** The operand's numbers in one axis of an f32 buffer, whatever type programs hold them as. */
  numbers(position: number): Buffer {
    const { value, found } = this.#operand(position)
    const { shape, dtype } = this.type(position)!
    const count = elementCount(shape)
    if (found.kind === 'constant') return this.segment.constant(found.key, found.tensor, 'f32', [count])
    if (isComputedInF32(dtype)) return this.plainAs(position, [count])
    return this.segment.cached(`${value} as f32`, () => {
      const own = this.segment.values.has(value) ? this.segment.expressionOf(value) : undefined
      const { tree, operands } = own ?? { tree: { input: 0 }, operands: [this.plain(position)] }
      const isHere = 'input' in tree && operands[0]!.dtype === 'f32'
      const buffer = isHere ? operands[0]! : this.segment.emit('map', value, operands, { expression: deepestFirst(tree) })
      return this.segment.builder.view(this.segment.repeated(buffer, shape, value), [count])
    })
  }

  /**
   * Whole numbers from `least` on as indices into `rows` rows, as i32 in one axis; only constants and values of the host have
   * such. Negative ones count from the end.
   */
  rowIndices(position: number, rows: number, least: number = -rows): Buffer | undefined {
    const { value, found } = this.#operand(position)
    if (found.kind === 'pending') return undefined
    const { shape } = this.type(position)!
    if (found.kind === 'host') return this.segment.indices(value, elementCount(shape), rows, least)
    const data = toIndices(found.tensor, rows, least)
    return this.segment.constant(`${found.key} of ${rows}`, { dtype: 'i32', shape: [data.length], data }, 'i32')
  }

  /** A known operand as a weight the backend may pack, under a shape of as many elements. */
  weight(position: number, shape: readonly number[], transpose = false): Buffer {
    const { found } = this.#operand(position)
    if (found.kind !== 'constant') throw new HenceError('PROGRAM_INVALID', `operand ${position} is not known`)
    const stored = transpose ? [...shape].reverse() : shape
    const key = `${found.key}[${stored.join()}]`
    return this.segment.weight(key, shape, () => storedTensor(key, found.tensor, stored), transpose)
  }

  /** A weight made of known numbers, where it does not exist yet. */
  madeWeight(key: string, shape: readonly number[], make: () => Float32Array): Buffer {
    return this.segment.weight(key, shape, () => storedBytes(key, 'f32', shape, make))
  }

  /** The key of a known operand. */
  key(position: number): string {
    const { found } = this.#operand(position)
    return found.kind === 'constant' ? found.key : this.node.inputs[position]!
  }

  /** The operand as an expression of buffers in `layout`, for a `map`; scalars become constants of the expression. */
  expression(position: number, layout: ValueLayout): LazyExpression {
    const { value, found } = this.#operand(position)
    if (found.kind === 'constant' && elementCount(found.tensor.shape) === 1)
      return { tree: { constant: Number(toScalar(found.tensor)) }, operands: [] }
    const pending = this.segment.values.get(value)
    if (pending && pending.layout === layout && this.#uses(value) === 1) return this.segment.expressionOf(value)
    return { tree: { input: 0 }, operands: [this.#converted(position, layout)] }
  }

  /** Defines the only output as the first operand repeated to a shape; who reads it alone repeats it while reading. */
  defineRepeated(shape: readonly number[]): true {
    const value = this.node.outputs[0]!
    const expression = { tree: { input: 0 }, operands: [this.plain(0)] }
    this.segment.define(value, { dtype: this.#resultType(), shape, layout: 'plain', expression })
    if (this.#uses(value) !== 1) this.segment.materialize(value)
    return true
  }

  /** Defines the only output as the first operand, under another name. */
  passOn(): true {
    const [from, to] = [this.node.inputs[0]!, this.node.outputs[0]!]
    if (!this.segment.values.has(from)) return this.define(this.plain(0), this.type(0)!.shape)
    this.segment.materialize(from)
    this.segment.define(to, this.segment.values.get(from)!)
    return true
  }

  /** Defines an output that is already in a buffer. */
  define(
    buffer: Buffer,
    shape: readonly number[],
    layout: ValueLayout = 'plain',
    output = 0,
    dtype: ElementType = this.#resultType(),
  ): true {
    this.segment.define(this.node.outputs[output]!, { dtype, shape, layout, buffer })
    return true
  }

  /** Defines the only output as an elementwise expression of operands, placed when something needs its numbers. */
  defineMap(
    positions: readonly number[],
    shape: readonly number[],
    build: (branches: readonly MapExpression[]) => MapExpression,
    dtype: ElementType = this.#resultType(),
    /** Further branches, given the layout of the result. */
    further: (layout: ValueLayout) => readonly LazyExpression[] = () => [],
  ): true {
    const value = this.node.outputs[0]!
    const rank = shape.length
    // Channels stay last when any operand of full rank has them there; the others follow.
    const layout = positions.some(i => this.layout(i) === 'channels-last') ? 'channels-last' : 'plain'
    const parts = positions.map(i => this.#aligned(i, layout, rank))
    const added = further(layout)
    const own = combine(build, [...parts, ...added])
    const expression = own ?? combine(build, [...positions.map((i, at) => this.#placed(i, layout, rank, parts[at]!)), ...added])!
    this.segment.define(value, { dtype, shape, layout, expression })
    if (this.#uses(value) !== 1) this.segment.materialize(value)
    return true
  }

  /** Defines the output as the first operand times a factor plus an addend per channel, the axis `1` of the shape. */
  defineScaled(factor: Float32Array, addend: Float32Array): true {
    const { shape, dtype } = this.type(0)!
    const parts = (layout: ValueLayout) =>
      [factor, addend].map((data, i) =>
        this.alongAxis(
          `${this.node.name} ${i === 0 ? 'factor' : 'addend'}`,
          { dtype: 'f32', shape: [data.length], data },
          1,
          shape.length,
          layout,
        ),
      )
    return this.defineMap([0], shape, ([x, f, a]) => ['add', ['mul', x!, f!], a!], dtype, parts)
  }

  /** Known numbers along one axis of values of a rank, one for all or one for each index, as part of an expression. */
  alongAxis(key: string, tensor: GraphTensor, axis: number, rank: number, layout: ValueLayout): LazyExpression {
    const count = elementCount(tensor.shape)
    if (count === 1) return { tree: { constant: toScalar(tensor) }, operands: [] }
    const shape = [count, ...new Array<number>(rank - 1 - axisIn(layout, axis, rank)).fill(1)]
    return { tree: { input: 0 }, operands: [this.segment.constant(key, tensor, 'f32', shape)] }
  }

  /** {@link expression} of an operand whose rank may be smaller than the result's. */
  #aligned(position: number, layout: ValueLayout, rank: number): LazyExpression {
    const type = this.type(position)!
    // One number repeats over any shape.
    if (elementCount(type.shape) === 1) return this.expression(position, this.layout(position))
    if (layout === 'plain' || type.shape.length === rank) return this.expression(position, layout)
    const padded = [...new Array<number>(rank - type.shape.length).fill(1), ...type.shape]
    const found = this.#operand(position).found
    if (found.kind === 'constant') {
      const tensor = permuteChannelsLast({ ...found.tensor, shape: padded })
      return { tree: { input: 0 }, operands: [this.segment.constant(`${found.key} channels last`, tensor, heldAs(tensor.dtype))] }
    }
    const plain = this.plain(position)
    return { tree: { input: 0 }, operands: [this.segment.toChannelsLast(this.segment.builder.view(plain, padded), padded, this.node.name)] }
  }

  /** An operand in a buffer, where the expressions together would be too large. */
  #placed(position: number, layout: ValueLayout, rank: number, part: LazyExpression): LazyExpression {
    if (part.operands.length === 0) return part
    const pending = this.segment.values.get(this.node.inputs[position]!)
    if (!pending?.expression) return part
    this.segment.materialize(this.node.inputs[position]!)
    return this.#aligned(position, layout, rank)
  }

  #operand(position: number): { value: string; found: KnownValue } {
    const value = this.node.inputs[position]
    const found = value ? this.#lookup(value) : undefined
    if (!value || !found) throw new HenceError('PROGRAM_INVALID', `${this.node.op}: operand ${position} is missing`)
    return { value, found }
  }

  /** The element type of the results: that of the first operand. */
  #resultType(): ElementType {
    return this.type(0)!.dtype
  }
}

function toScalar(tensor: GraphTensor): number {
  return isComputedInF32(tensor.dtype) ? toFloat32(tensor)[0]! : Number((tensor.data as ArrayLike<number | bigint>)[0])
}

/** A tensor with its second axis at the end. */
export function permuteChannelsLast(tensor: GraphTensor): GraphTensor {
  const { shape } = tensor
  const [batch, channels] = shape as [number, number]
  const pixels = elementCount(shape.slice(2))
  const dtype = heldAs(tensor.dtype)
  const from = toHeld(tensor, dtype) as Float32Array
  const data = allocate(dtype, from.length)
  for (let b = 0; b < batch; b++)
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < pixels; p++) data[(b * pixels + p) * channels + c] = from[(b * channels + c) * pixels + p]!
  return { dtype, shape: channelsLast(shape), data }
}
