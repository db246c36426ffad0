import { HenceError, type TensorData } from '../core/index.ts'
import type { Buffer, BufferRole, BufferType } from './buffer.ts'
import { type Dim, formatShape, productDim, sameDim } from './dims.ts'
import { type AttributesOf, type OpName, opOf } from './ops/index.ts'
import type { Instruction, Program } from './program.ts'
import { formatSource, type WeightSource } from './weight-source.ts'

/** No result with sizes known beforehand has more elements. */
const MAX_RESULT_ELEMENTS = 2 ** 31

/** Builds a {@link Program}, checking every operand as it goes. */
export class ProgramBuilder {
  readonly #name: string
  readonly #buffers: Buffer[] = []
  readonly #instructions: Instruction[] = []

  constructor(name: string) {
    this.#name = name
  }

  /** An operand the caller gives at every run. */
  input(name: string, dtype: BufferType['dtype'], shape: readonly Dim[]): Buffer {
    return this.#add('input', name, { dtype, shape })
  }

  /** A weight of the checkpoint, f32 to the program whatever its encoding in the file. */
  weight(source: WeightSource, shape: readonly number[]): Buffer {
    return this.#add('weight', formatSource(source), { dtype: 'f32', shape }, { source })
  }

  /** Small data carried by the program itself. */
  constant(name: string, type: BufferType, data: TensorData): Buffer {
    return this.#add('constant', name, type, { data })
  }

  /** A pool of slots that keeps its content between runs; the first axis counts the slots. */
  state(name: string, type: BufferType): Buffer {
    return this.#add('state', name, type)
  }

  /** Appends an instruction and returns its outputs, named after `name`. */
  apply<N extends OpName>(op: N, name: string, inputs: readonly (Buffer | undefined)[], attributes: AttributesOf<N>): Buffer[] {
    const types = opOf(op).infer(inputs, attributes as Instruction['attributes'])
    for (const { shape } of types) {
      const count = productDim(1, ...shape)
      if (typeof count === 'number' && count > MAX_RESULT_ELEMENTS)
        throw new HenceError('PROGRAM_INVALID', `${op}: a result of ${formatShape(shape)} is too large`, { op, name })
    }
    const outputs = types.map((type, i) => this.#add('scratch', types.length > 1 ? `${name}.${i}` : name, type))
    this.#instructions.push({
      op,
      inputs: inputs.map(buffer => buffer?.id ?? null),
      outputs: outputs.map(buffer => buffer.id),
      attributes: attributes as Instruction['attributes'],
    })
    return outputs
  }

  /** {@link apply} for ops with one output. */
  op<N extends OpName>(op: N, name: string, inputs: readonly (Buffer | undefined)[], attributes: AttributesOf<N>): Buffer {
    return this.apply(op, name, inputs, attributes)[0]!
  }

  /** The same memory under another shape of as many elements; what is written to one is read from the other. */
  view(buffer: Buffer, shape: readonly Dim[]): Buffer {
    const root = buffer.viewOf ?? buffer.id
    const { role, name, dtype } = this.#buffers[root]!
    if (role !== 'scratch' && role !== 'input' && role !== 'output')
      throw new HenceError('PROGRAM_INVALID', `only a computed buffer or an input can be viewed, ${name} is a ${role}`)
    if (!sameDim(productDim(1, ...shape), productDim(1, ...buffer.shape)))
      throw new HenceError('PROGRAM_INVALID', `a view of ${name} ${formatShape(buffer.shape)} cannot have the shape ${formatShape(shape)}`)
    return this.#add('scratch', name, { dtype, shape }, { viewOf: root })
  }

  /** Makes a computed buffer an output of the program under `name`. */
  output(name: string, buffer: Buffer): void {
    const current = this.#buffers[buffer.id]
    if (current?.role !== 'scratch')
      throw new HenceError('PROGRAM_INVALID', `output ${name}: only a computed buffer can be an output, ${buffer.name} is ${current?.role}`)
    this.#buffers[buffer.id] = { ...current, role: 'output', name }
  }

  build(): Program {
    return { name: this.#name, buffers: this.#buffers, instructions: this.#instructions }
  }

  #add(role: BufferRole, name: string, type: BufferType, extra: Partial<Buffer> = {}): Buffer {
    const buffer: Buffer = { id: this.#buffers.length, name, role, dtype: type.dtype, shape: type.shape, ...extra }
    this.#buffers.push(buffer)
    return buffer
  }
}
