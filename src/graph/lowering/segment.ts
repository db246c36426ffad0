import { elementCount, HenceError, type TensorData } from '../../core/index.ts'
import type { StoredTensor } from '../../formats/index.ts'
import {
  type AttributesOf,
  type Buffer,
  expanded,
  type MapExpression,
  type OpName,
  type Program,
  ProgramBuilder,
  transposed,
} from '../../program/index.ts'
import type { GraphTensor } from '../operator.ts'
import { MAX_OUTPUT_ELEMENTS } from '../operators/support/index.ts'
import { type HeldType, heldAs, isHeldWhole, toFloat32 } from './storage.ts'
import type { ValueLayout, ValueType } from './value-type.ts'

/** A value some instruction of the segment has computed, or that an elementwise expression still to be placed will. */
export interface Pending extends ValueType {
  readonly layout: ValueLayout
  /** Has the physical shape: permuted when channels are last. */
  readonly buffer?: Buffer
  readonly expression?: LazyExpression
}

/** An elementwise expression over buffers that broadcast to `shape` (physical); of whole numbers where the type is one. */
export interface LazyExpression {
  readonly tree: MapExpression
  readonly operands: readonly Buffer[]
}

/** A value from outside the segment and the element type it is handed over in. */
export interface SegmentInput {
  readonly value: string
  readonly name: string
  readonly dtype: HeldType
  /** Of indices: how many rows they choose from. */
  readonly rows?: number
  /** Of indices: the smallest that is allowed, `-rows` where it is left out. */
  readonly least?: number
}

/** A finished segment: a program and how values go in and out. */
export interface FinishedSegment {
  readonly program: Program
  readonly inputs: readonly SegmentInput[]
  readonly outputs: readonly { readonly value: string; readonly name: string; readonly type: ValueType }[]
  /** What the backend packs, by the name programs know it by. */
  readonly weights: ReadonlyMap<string, StoredTensor>
}

/** The shape with the second axis at the end. */
export function channelsLast(shape: readonly number[]): number[] {
  const [batch, channels, ...spatial] = shape as [number, number, ...number[]]
  return [batch, ...spatial, channels]
}

const MAX_OPERANDS = 8
const MAX_TREE_NODES = 24

/** A program in the making, with the graph's values that it has computed so far. */
export class Segment {
  readonly builder: ProgramBuilder
  readonly #pending = new Map<string, Pending>()
  readonly #inputs = new Map<string, Buffer>()
  readonly #inputList: SegmentInput[] = []
  readonly #constants = new Map<string, Buffer>()
  readonly #weights = new Map<string, StoredTensor>()
  instructionCount = 0

  constructor(name: string) {
    this.builder = new ProgramBuilder(name)
  }

  get values(): ReadonlyMap<string, Pending> {
    return this.#pending
  }

  /** A value of the host as an input of the program. */
  input(value: string, { dtype, shape }: ValueType): Buffer {
    const held = heldAs(dtype)
    return this.#input({ value, name: `${value}:${held}`, dtype: held }, shape)
  }

  /** Whole numbers of the host, from `least` on, as indices into `rows` rows, in one axis. */
  indices(value: string, count: number, rows: number, least: number = -rows): Buffer {
    return this.#input({ value, name: `${value}:${least}..${rows}`, dtype: 'i32', rows, least }, [count])
  }

  #input(input: SegmentInput, shape: readonly number[]): Buffer {
    let buffer = this.#inputs.get(input.name)
    if (!buffer) {
      buffer = this.builder.input(input.name, input.dtype, shape)
      this.#inputs.set(input.name, buffer)
      this.#inputList.push(input)
    }
    return buffer
  }

  /** True when the program takes a value of the host in. */
  takes(value: string): boolean {
    return this.#inputList.some(input => input.value === value)
  }

  /** Small known numbers, under a key that says which. */
  constant(key: string, tensor: GraphTensor, dtype: HeldType, shape: readonly number[] = tensor.shape): Buffer {
    const id = `${key}:${dtype}[${shape.join()}]`
    let buffer = this.#constants.get(id)
    if (!buffer) {
      const data = dtype === 'f32' ? toFloat32(tensor) : (tensor.data as TensorData)
      buffer = this.builder.constant(id, { dtype, shape }, data)
      this.#constants.set(id, buffer)
    }
    return buffer
  }

  /** A weight that the backend may pack; equal keys mean equal numbers. */
  weight(key: string, shape: readonly number[], make: () => StoredTensor, transpose = false): Buffer {
    return this.cached(`${key}:weight[${shape.join()}]${transpose ? 'ᵀ' : ''}`, () => {
      if (!this.#weights.has(key)) this.#weights.set(key, make())
      return this.builder.weight({ tensor: key, ...(transpose ? { transpose } : {}) }, shape)
    })
  }

  emit<N extends OpName>(op: N, name: string, inputs: readonly (Buffer | undefined)[], attributes: AttributesOf<N>): Buffer {
    return this.emitAll(op, name, inputs, attributes)[0]!
  }

  emitAll<N extends OpName>(op: N, name: string, inputs: readonly (Buffer | undefined)[], attributes: AttributesOf<N>): Buffer[] {
    this.instructionCount++
    return this.builder.apply(op, name, inputs, attributes)
  }

  /** A conversion of a value, made once. */
  cached(key: string, make: () => Buffer): Buffer {
    const known = this.#constants.get(key)
    if (known) return known
    const buffer = make()
    this.#constants.set(key, buffer)
    return buffer
  }

  /** Takes back what was defined of these values. */
  forget(values: readonly string[]): void {
    for (const value of values) this.#pending.delete(value)
  }

  /** @throws HenceError `PROGRAM_INVALID` for what no result can be */
  define(value: string, pending: Pending): void {
    const { shape } = pending
    if (shape.some(size => size < 0) || elementCount(shape) > MAX_OUTPUT_ELEMENTS)
      throw new HenceError('PROGRAM_INVALID', `${value} cannot have the shape ${shape.join()}`, { value, shape })
    this.#pending.set(value, pending)
  }

  /** The buffer of a pending value in its own layout; an expression gets its `map` now. */
  materialize(value: string): Buffer {
    const pending = this.#pending.get(value)
    if (!pending) throw new HenceError('PROGRAM_INVALID', `the segment has no value ${value}`)
    if (pending.buffer) return pending.buffer
    const { tree, operands } = pending.expression!
    const expression = deepestFirst(tree)
    const dtype = isHeldWhole(pending.dtype) || pending.dtype === 'i64' ? pending.dtype : 'f32'
    const isMoved = 'input' in tree && operands[0]!.dtype === dtype && operands[0]!.role !== 'constant'
    const computed = isMoved ? operands[0]! : this.emit('map', value, operands, dtype === 'f32' ? { expression } : { expression, dtype })
    const buffer = this.repeated(computed, physicalShape(pending.layout, pending.shape), value)
    const { expression: _, ...rest } = pending
    this.#pending.set(value, { ...rest, buffer })
    return buffer
  }

  /** Numbers that repeat along axes of a shape, all of them. */
  repeated(buffer: Buffer, shape: readonly number[], name: string): Buffer {
    if (elementCount(buffer.shape as readonly number[]) === elementCount(shape)) return buffer
    return this.emit('copy', name, [buffer], expanded(buffer.shape, shape))
  }

  /** The expression of a value, or a leaf over its buffer, to build larger ones from. */
  expressionOf(value: string): LazyExpression {
    const pending = this.#pending.get(value)!
    return pending.expression ?? { tree: { input: 0 }, operands: [pending.buffer!] }
  }

  /** Ends the segment; values that something outside still needs become outputs. */
  finish(isNeeded: (value: string) => boolean): FinishedSegment {
    const outputs: { value: string; name: string; type: ValueType; buffer: Buffer }[] = []
    for (const value of [...this.#pending.keys()].filter(isNeeded)) {
      const { dtype, shape, layout } = this.#pending.get(value)!
      let buffer = this.materialize(value)
      if (layout === 'channels-last') buffer = this.toPlain(buffer, shape, value)
      else if (buffer.role !== 'scratch' || outputs.some(other => other.buffer.id === buffer.id)) buffer = this.builder.view(buffer, shape)
      outputs.push({ value, name: `${value}:out`, type: { dtype, shape }, buffer })
    }
    for (const { name, buffer } of outputs) this.builder.output(name, buffer)
    return { program: this.builder.build(), inputs: this.#inputList, outputs, weights: this.#weights }
  }

  /** Moves channels from the end back to the second axis. */
  toPlain(buffer: Buffer, shape: readonly number[], name: string): Buffer {
    const [batch, channels] = shape as [number, number]
    const pixels = elementCount(shape.slice(2))
    if (pixels === 1 || channels === 1) return this.builder.view(buffer, shape)
    return this.#swap(buffer, batch, pixels, channels, shape, name)
  }

  /** Moves channels from the second axis to the end. */
  toChannelsLast(buffer: Buffer, shape: readonly number[], name: string): Buffer {
    const [batch, channels] = shape as [number, number]
    const pixels = elementCount(shape.slice(2))
    if (pixels === 1 || channels === 1) return this.builder.view(buffer, channelsLast(shape))
    return this.#swap(buffer, batch, channels, pixels, channelsLast(shape), name)
  }

  /** `[batch, rows, columns]` → `[batch, columns, rows]`, shaped as told. */
  #swap(buffer: Buffer, batch: number, rows: number, columns: number, shape: readonly number[], name: string): Buffer {
    const attributes = transposed([batch, rows, columns], [0, 2, 1])
    return this.builder.view(this.emit('copy', name, [buffer], attributes), shape)
  }
}

/** Puts expressions together; `undefined` when the result would be too large for one `map`. */
export function combine(
  build: (branches: readonly MapExpression[]) => MapExpression,
  parts: readonly LazyExpression[],
): LazyExpression | undefined {
  const operands: Buffer[] = []
  const branches = parts.map(part => {
    const positions = part.operands.map(buffer => {
      const at = operands.findIndex(other => other.id === buffer.id)
      return at >= 0 ? at : operands.push(buffer) - 1
    })
    return renumber(part.tree, positions)
  })
  const tree = build(branches)
  return operands.length <= MAX_OPERANDS && countNodes(tree) <= MAX_TREE_NODES ? { tree, operands } : undefined
}

const COMMUTATIVE: ReadonlySet<string> = new Set(['add', 'mul', 'min', 'max', 'equal'])

/** The same expression with the deeper operand of every commutative function first: fewer numbers wait on a stack. */
export function deepestFirst(tree: MapExpression): MapExpression {
  if ('input' in tree || 'constant' in tree) return tree
  const branches = tree.slice(1).map(branch => deepestFirst(branch as MapExpression))
  if (COMMUTATIVE.has(tree[0]) && stackDepth(branches[1]!) > stackDepth(branches[0]!)) branches.reverse()
  return [tree[0], ...branches] as unknown as MapExpression
}

function stackDepth(tree: MapExpression): number {
  if ('input' in tree || 'constant' in tree) return 1
  return Math.max(...tree.slice(1).map((branch, i) => i + stackDepth(branch as MapExpression)))
}

function renumber(tree: MapExpression, positions: readonly number[]): MapExpression {
  if ('input' in tree) return { input: positions[tree.input]! }
  if ('constant' in tree) return tree
  return [tree[0], ...tree.slice(1).map(branch => renumber(branch as MapExpression, positions))] as unknown as MapExpression
}

function countNodes(tree: MapExpression): number {
  if ('input' in tree || 'constant' in tree) return 1
  return tree.slice(1).reduce((sum, branch) => sum + countNodes(branch as MapExpression), 1)
}

/** Where an axis of the ONNX shape is in memory. */
export function axisIn(layout: ValueLayout, axis: number, rank: number): number {
  if (layout === 'plain' || axis === 0) return axis
  return axis === 1 ? rank - 1 : axis - 1
}

/** A shape as it is in memory. */
export function physicalShape(layout: ValueLayout, shape: readonly number[]): readonly number[] {
  return layout === 'plain' ? shape : channelsLast(shape)
}
