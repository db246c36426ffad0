import { breathe, DTYPE_BYTES, elementCount, HenceError, type Tensor, type TensorData, throwIfAborted, viewAs } from '../../core/index.ts'
import {
  type Buffer,
  buffersOf,
  type DimValues,
  expertShare,
  largestBytes,
  type MemoryPlan,
  type Program,
  planMemory,
} from '../../program/index.ts'
import type { Backend, CompileOptions, Executable, Execution, RunOptions, WeightProvider } from '../backend.ts'
import { checkBindings, concreteShape } from '../bindings.ts'
import { runOnHost } from '../host-instruction.ts'
import { readWeightRows, resolveWeight } from '../weights.ts'

/** How long instructions may run before the event loop gets a turn. */
const SLICE_MS = 10

/**
 * Runs programs by the definitions of their ops, in plain TypeScript. It is the oracle for every other backend, and what
 * is left when there is no other.
 */
export function referenceBackend(): Backend {
  return { name: 'reference', threads: 1, compile, dispose() {} }
}

async function compile(program: Program, weights: WeightProvider, { limits, signal, onProgress }: CompileOptions): Promise<Executable> {
  const resolved = buffersOf(program, 'weight').map(buffer => resolveWeight(buffer, weights))
  const totalBytes = resolved.reduce((sum, { n, k }) => sum + n * k * 4, 0)
  const data = new Map<number, Float32Array>()
  // One copy of a tensor that several buffers name in the same way (tied embeddings).
  const loaded = new Map<string, Float32Array>()
  let doneBytes = 0
  for (const weight of resolved) {
    throwIfAborted(signal)
    const key = JSON.stringify([weight.buffer.source, weight.n])
    const rows = loaded.get(key) ?? (await readWeightRows(weight, 0, weight.n, signal))
    loaded.set(key, rows)
    data.set(weight.buffer.id, rows)
    doneBytes += rows.byteLength
    onProgress?.({ stage: 'pack', doneBytes, totalBytes })
  }
  const plan = planMemory(program, limits)
  return {
    program,
    weightBytes: [...loaded.values()].reduce((sum, rows) => sum + rows.byteLength, 0),
    stepWeightBytes: [...multiplied(program)].reduce((sum, [id, share]) => sum + share * data.get(id)!.byteLength, 0),
    arenaBytes: plan.arenaBytes,
    kernelShare: 0,
    createExecution: () => new ReferenceExecution(program, data, plan, limits),
    dispose: () => data.clear(),
  }
}

/** Weights that matmuls read, and the share of each that one token needs. */
function multiplied({ instructions, buffers }: Program): ReadonlyMap<number, number> {
  const shares = new Map<number, number>()
  for (const instruction of instructions.filter(({ op }) => op === 'matmul'))
    for (const [i, id] of instruction.inputs.slice(3).entries())
      if (i % 2 === 0 && id !== null && buffers[id]!.role === 'weight') shares.set(id, expertShare(buffers, instruction))
  return shares
}

function memoryOf(bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes)
  } catch (cause) {
    throw new HenceError('OUT_OF_MEMORY', `cannot get ${bytes} bytes`, { bytes, cause })
  }
}

class ReferenceExecution implements Execution {
  readonly #program: Program
  readonly #weights: ReadonlyMap<number, Float32Array>
  readonly #plan: MemoryPlan
  readonly #limits: DimValues
  readonly #states = new Map<number, ArrayBuffer>()
  #arena: ArrayBuffer | undefined
  lastComputeMs = 0

  constructor(program: Program, weights: ReadonlyMap<number, Float32Array>, plan: MemoryPlan, limits: DimValues) {
    this.#program = program
    this.#weights = weights
    this.#plan = plan
    this.#limits = limits
    this.#arena = memoryOf(plan.arenaBytes)
    for (const buffer of buffersOf(program, 'state')) this.#states.set(buffer.id, memoryOf(largestBytes(buffer, limits)))
  }

  get arenaBytes(): number {
    return this.#arena?.byteLength ?? 0
  }

  async run(
    inputs: Readonly<Record<string, TensorData>>,
    dims: DimValues,
    { signal, seconds }: RunOptions = {},
  ): Promise<Readonly<Record<string, Tensor>>> {
    checkBindings(this.#program, this.#limits, inputs, dims)
    // Produced dims start at their bound, so that an output can be written before its size is known.
    const values: Record<string, number> = { ...this.#limits, ...dims }
    for (const buffer of buffersOf(this.#program, 'input')) {
      const view = this.#tensor(buffer, values)
      view.data.set(inputs[buffer.name]!.subarray(0, view.data.length) as never)
    }
    const start = performance.now()
    let sliceEnd = start + SLICE_MS
    for (const [at, instruction] of this.#program.instructions.entries()) {
      throwIfAborted(signal)
      const begin = performance.now()
      runOnHost(this.#program, instruction, values, this.#limits, buffer => this.#tensor(buffer, values))
      if (seconds) seconds[at] = (performance.now() - begin) / 1000
      if (performance.now() > sliceEnd) {
        await breathe()
        sliceEnd = performance.now() + SLICE_MS
      }
    }
    this.lastComputeMs = performance.now() - start
    return Object.fromEntries(buffersOf(this.#program, 'output').map(buffer => [buffer.name, this.#tensor(buffer, values)]))
  }

  #tensor(buffer: Buffer, dims: DimValues): Tensor {
    const { id, dtype, role } = buffer
    const shape = concreteShape(buffer.shape, dims)
    if (role === 'weight') return { dtype, shape, data: this.#weights.get(id)! }
    if (role === 'constant') return { dtype, shape, data: buffer.data! }
    if (role === 'state') {
      const memory = this.#states.get(id)!
      return { dtype, shape, data: viewAs(dtype, memory, 0, memory.byteLength / DTYPE_BYTES[dtype]) }
    }
    if (!this.#arena) throw new HenceError('DISPOSED', 'the execution was disposed')
    return { dtype, shape, data: viewAs(dtype, this.#arena, this.#plan.offsets.get(id) ?? 0, elementCount(shape)) }
  }

  stateSlot(name: string, slot: number): Uint8Array {
    const buffer = buffersOf(this.#program, 'state').find(b => b.name === name)
    if (!buffer) throw new HenceError('OPTION_INVALID', `the program has no state ${name}`, { name })
    const memory = this.#states.get(buffer.id)!
    const slotBytes = memory.byteLength / concreteShape(buffer.shape.slice(0, 1), this.#limits)[0]!
    return new Uint8Array(memory, slot * slotBytes, slotBytes)
  }

  copyState(name: string, from: number, to: number): void {
    this.stateSlot(name, to).set(this.stateSlot(name, from))
  }

  dispose(): void {
    this.#arena = undefined
    this.#states.clear()
  }
}
