import { elementCount, HenceError, mayHoldLoop, type Tensor, type TensorData, throwIfAborted, viewAs } from '../../core/index.ts'
import {
  type Buffer,
  buffersOf,
  type DimValues,
  KV_BLOCK_TOKENS,
  largestBytes,
  largestDim,
  type MemoryPlan,
  type Program,
  resolveDim,
} from '../../program/index.ts'
import type { Execution, Precision, RunOptions } from '../backend.ts'
import { checkBindings, concreteShape } from '../bindings.ts'
import { runOnHost } from '../host-instruction.ts'
import type { Addon, NativeHandle } from './addon.ts'
import type { EncodedProgram, Segment } from './encode.ts'
import { useKey } from './encoder.ts'
import type { PackedWeights } from './pack-weights.ts'
import { type Work, workOf } from './work.ts'

/** A step with fewer multiply-adds than this runs on one thread: meeting at barriers would take longer than the work. */
const SMALLEST_SHARED_WORK = 1_500_000
/**
 * A step with fewer multiply-adds on less memory than this, all sizes known, runs at once: handing it to a thread and back
 * would take as long. Where such steps have held the event loop, one goes to a thread all the same, so that timers and
 * sockets get their turn.
 */
const [MOST_WORK_AT_ONCE, MOST_BYTES_AT_ONCE] = [1_000_000, 1 << 18] as const
const REGION_ALIGNMENT = 64

/** What executions of a program share. */
export interface ExecutionParts {
  readonly addon: Addon
  readonly device: NativeHandle
  readonly threads: number
  readonly program: Program
  readonly encoded: EncodedProgram
  readonly weights: PackedWeights
  /** Weights that host instructions read, by buffer id. */
  readonly hostWeights: ReadonlyMap<number, Float32Array>
  readonly plan: MemoryPlan
  readonly limits: DimValues
  readonly precision: Precision
}

/** What is the same in every run of a program without symbolic sizes that is one native segment. */
interface FixedRun {
  readonly segment: Segment
  readonly dims: Int32Array
  readonly threads: number
  readonly inputs: readonly { readonly name: string; readonly data: TensorData }[]
  readonly outputs: Readonly<Record<string, Tensor>>
  readonly isSmall: boolean
}

/** Runs an encoded program: native segments on the device's threads, host segments here, in between. */
export class NativeExecution implements Execution {
  readonly #parts: ExecutionParts
  readonly #regions: NativeHandle[] = []
  /** Byte views of the arena, the constants and the states, by region index; what is beyond 4 GiB has none. */
  readonly #memory = new Map<number, ArrayBuffer>()
  /** Where each buffer's bytes are: region index and byte offset. */
  readonly #places = new Map<number, { readonly region: number; readonly offset: number }>()
  readonly #arena: number
  readonly #handle: NativeHandle
  readonly #inputs: readonly Buffer[]
  readonly #outputs: readonly Buffer[]
  readonly #work: readonly Work[]
  #fixed: FixedRun | undefined
  #running: Promise<number> | undefined
  #isDisposed = false
  lastComputeMs = 0

  constructor(parts: ExecutionParts) {
    this.#parts = parts
    const { program, plan, limits, weights, addon } = parts
    this.#inputs = buffersOf(program, 'input')
    this.#outputs = buffersOf(program, 'output')
    this.#work = workOf(program)
    this.#regions.push(...weights.regions.map(({ handle }) => handle))
    for (const { id } of buffersOf(program, 'weight')) {
      const place = weights.places.get(useKey({ buffer: id, form: 'dense' }))
      if (place) this.#places.set(id, { region: weights.regions.indexOf(place.region), offset: place.offset })
    }
    this.#arena = this.#allocate(plan.arenaBytes)
    for (const [id, offset] of plan.offsets) this.#places.set(id, { region: this.#arena, offset })
    this.#placeConstants()
    for (const buffer of buffersOf(program, 'state'))
      this.#places.set(buffer.id, { region: this.#allocate(largestBytes(buffer, limits)), offset: 0 })
    this.#handle = this.#create(addon)
  }

  get arenaBytes(): number {
    return this.#isDisposed ? 0 : this.#bytes(this.#arena).byteLength
  }

  #allocate(bytes: number): number {
    const region = this.#parts.addon.regionAnonymous(bytes)
    if (typeof region === 'number') throw new HenceError('OUT_OF_MEMORY', `cannot get ${bytes} bytes`, { bytes, errno: region })
    return this.#regions.push(region) - 1
  }

  #placeConstants(): void {
    const constants = buffersOf(this.#parts.program, 'constant')
    const sizes = constants.map(buffer => Math.ceil(buffer.data!.byteLength / REGION_ALIGNMENT) * REGION_ALIGNMENT)
    const region = this.#allocate(sizes.reduce((sum, bytes) => sum + bytes, REGION_ALIGNMENT))
    let offset = 0
    for (const [i, { id, data }] of constants.entries()) {
      this.#parts.addon.copy(this.#regions[region]!, offset, new Uint8Array(data!.buffer, data!.byteOffset, data!.byteLength))
      this.#places.set(id, { region, offset })
      offset += sizes[i]!
    }
  }

  #create(addon: Addon): NativeHandle {
    const { program, encoded, weights, limits, precision, device } = this.#parts
    const buffers = program.buffers.flatMap(({ id }) => {
      const place = this.#places.get(id)
      return place ? [place.region, place.offset / REGION_ALIGNMENT] : [0, 0]
    })
    const matrices = encoded.matrices.flatMap(use => {
      const { region, offset, layout, n, k } = weights.places.get(useKey(use))!
      return [weights.regions.indexOf(region), offset / REGION_ALIGNMENT, layout, n, k]
    })
    const largest = encoded.dims.map(dim => largestDim(dim, limits))
    const beyond = largest.findIndex(value => value > 0x7fffffff)
    if (beyond >= 0) throw new HenceError('OUT_OF_MEMORY', `a dim of the program reaches ${largest[beyond]}`, { value: largest[beyond] })
    const tables = encoded.blockTables.map(id => largestDim(program.buffers[id]!.shape[0]!, limits))
    const maxContext = Math.min(Math.max(0, ...tables) * KV_BLOCK_TOKENS, 0x7fffffff)
    return addon.createExecution(
      device,
      this.#regions,
      encoded.words,
      encoded.floats,
      Uint32Array.from(buffers),
      Uint32Array.from(matrices),
      Int32Array.from(largest),
      precision === 'exact' ? 0 : 1,
      maxContext,
    )
  }

  async run(
    inputs: Readonly<Record<string, TensorData>>,
    dims: DimValues,
    { signal, seconds }: RunOptions = {},
  ): Promise<Readonly<Record<string, Tensor>>> {
    const { program, limits, encoded } = this.#parts
    if (this.#isDisposed) throw new HenceError('DISPOSED', 'the execution was disposed')
    if (this.#running) throw new HenceError('OPTION_INVALID', 'an execution runs one step at a time; create another for concurrent runs')
    throwIfAborted(signal)
    this.#fixed ??= this.#fix()
    if (this.#fixed?.isSmall && mayHoldLoop()) return this.#runAtOnce(this.#fixed, inputs, dims, seconds)
    checkBindings(program, limits, inputs, dims)
    const values: Record<string, number> = { ...dims }
    for (const buffer of this.#inputs) {
      const view = this.#tensor(buffer, values)
      view.data.set(inputs[buffer.name]!.subarray(0, view.data.length) as never)
    }
    this.lastComputeMs = 0
    const stop = (): void => this.#parts.addon.stop(this.#handle)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      for (const segment of encoded.segments) {
        throwIfAborted(signal)
        if (segment.kind === 'native') await this.#runNative(segment, values, seconds)
        else
          for (let at = segment.begin; at < segment.end; at++) {
            const start = performance.now()
            runOnHost(program, program.instructions[at]!, values, limits, buffer => this.#tensor(buffer, values))
            if (seconds) seconds[at] = (performance.now() - start) / 1000
          }
      }
      throwIfAborted(signal)
    } finally {
      signal?.removeEventListener('abort', stop)
    }
    return Object.fromEntries(this.#outputs.map(buffer => [buffer.name, this.#tensor(buffer, values)]))
  }

  #runAtOnce(
    { segment, dims, inputs: wanted, outputs }: FixedRun,
    inputs: Readonly<Record<string, TensorData>>,
    given: DimValues,
    seconds: Float64Array | undefined,
  ): Readonly<Record<string, Tensor>> {
    const { addon, device, program, limits } = this.#parts
    for (const { name, data } of wanted) {
      const own = inputs[name]
      if (!own || own.length < data.length) checkBindings(program, limits, inputs, given)
      data.set((own!.length === data.length ? own! : own!.subarray(0, data.length)) as never)
    }
    const timed = seconds ? [seconds.subarray(segment.begin, segment.end)] : []
    this.lastComputeMs = (addon.run(device, this.#handle, segment.wordBegin, segment.wordEnd, dims, 0, ...timed) as number) * 1000
    return outputs
  }

  #fix(): FixedRun | undefined {
    const { encoded, plan } = this.#parts
    const [segment] = encoded.segments
    const isFixed = [encoded.dims, ...[...this.#inputs, ...this.#outputs].map(({ shape }) => shape)]
      .flat()
      .every(dim => typeof dim === 'number')
    if (!isFixed || encoded.segments.length !== 1 || segment!.kind !== 'native') return undefined
    const work = this.#work.reduce((sum, { count, multiplyAdds }) => sum + resolveDim(count, {}) * multiplyAdds, 0)
    return {
      segment: segment!,
      ...this.#bound({}),
      inputs: this.#inputs.map(buffer => ({ name: buffer.name, data: this.#tensor(buffer, {}).data })),
      outputs: Object.fromEntries(this.#outputs.map(buffer => [buffer.name, this.#tensor(buffer, {})])),
      isSmall: work < MOST_WORK_AT_ONCE && plan.arenaBytes <= MOST_BYTES_AT_ONCE,
    }
  }

  async #runNative({ begin, end, wordBegin, wordEnd }: Segment, values: DimValues, seconds: Float64Array | undefined): Promise<void> {
    const { addon, device } = this.#parts
    const timed = seconds ? [seconds.subarray(begin, end)] : []
    const { dims, threads: count } = this.#fixed ?? this.#bound({ ...this.#parts.limits, ...values })
    this.#running = addon.run(device, this.#handle, wordBegin, wordEnd, dims, count, ...timed) as Promise<number>
    try {
      this.lastComputeMs += (await this.#running) * 1000
    } finally {
      this.#running = undefined
    }
  }

  /** Sizes of a run, and how many threads it is worth. */
  #bound(values: DimValues): Pick<FixedRun, 'dims' | 'threads'> {
    const { encoded, threads } = this.#parts
    const work = this.#work.reduce((sum, { count, multiplyAdds }) => sum + resolveDim(count, values) * multiplyAdds, 0)
    return { dims: Int32Array.from(encoded.dims, dim => resolveDim(dim, values)), threads: work < SMALLEST_SHARED_WORK ? 1 : threads }
  }

  #tensor(buffer: Buffer, values: DimValues): Tensor {
    const shape = concreteShape(buffer.shape, { ...this.#parts.limits, ...values })
    const { dtype } = buffer
    if (buffer.role === 'weight') return { dtype, shape, data: this.#parts.hostWeights.get(buffer.id)! }
    if (buffer.role === 'constant') return { dtype, shape, data: buffer.data! }
    const { region, offset } = this.#places.get(buffer.id)!
    return { dtype, shape, data: viewAs(dtype, this.#bytes(region), offset, elementCount(shape)) }
  }

  #bytes(region: number): ArrayBuffer {
    let memory = this.#memory.get(region)
    if (!memory) {
      memory = this.#parts.addon.regionArrayBuffer(this.#regions[region]!)
      this.#memory.set(region, memory)
    }
    return memory
  }

  stateSlot(name: string, slot: number): Uint8Array {
    const buffer = buffersOf(this.#parts.program, 'state').find(state => state.name === name)
    if (!buffer) throw new HenceError('OPTION_INVALID', `the program has no state ${name}`, { name })
    const slots = largestDim(buffer.shape[0]!, this.#parts.limits)
    const slotBytes = largestBytes(buffer, this.#parts.limits) / slots
    return new Uint8Array(this.#bytes(this.#places.get(buffer.id)!.region), slot * slotBytes, slotBytes)
  }

  copyState(name: string, from: number, to: number): void {
    this.stateSlot(name, to).set(this.stateSlot(name, from))
  }

  dispose(): void {
    if (this.#isDisposed) return
    this.#isDisposed = true
    const release = (): void => {
      this.#parts.addon.release(this.#handle)
      for (const region of this.#regions.slice(this.#parts.weights.regions.length)) this.#parts.addon.release(region)
      this.#memory.clear()
    }
    // Memory a running step uses goes when the step is over.
    if (this.#running) {
      this.#parts.addon.stop(this.#handle)
      this.#running.then(release, release)
    } else release()
  }
}
