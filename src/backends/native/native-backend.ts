import { HenceError } from '../../core/index.ts'
import { buffersOf, expertShare, type Program, planMemory } from '../../program/index.ts'
import type { Backend, CompileOptions, Executable, WeightProvider } from '../backend.ts'
import { readWeightRows, resolveWeight } from '../weights.ts'
import type { Addon, NativeHandle } from './addon.ts'
import { type EncodedProgram, encodeProgram, weightUses } from './encode.ts'
import { useKey } from './encoder.ts'
import { NativeExecution } from './execution.ts'
import { findAddon } from './load-addon.ts'
import { type PackedWeights, packWeights, releaseWeights } from './pack-weights.ts'
import { tuneConvolutions } from './tune-convolutions.ts'

let forced: string | undefined

/** Instruction sets of this build that this machine has, best first; empty without the addon. */
export function targets(): readonly string[] {
  return findAddon().addon?.targets() ?? []
}

/**
 * Makes every native backend opened from now on use one instruction set; `undefined` goes back to the best.
 *
 * @throws HenceError `BACKEND_UNAVAILABLE` when the machine or the build lacks it
 */
export function forceTarget(target: string | undefined): void {
  if (target !== undefined) checkTarget(target)
  forced = target
}

/** Settings of {@link nativeBackend}. */
export interface NativeOptions {
  readonly threads: number
  /** Instruction set; by default the forced one or the best. */
  readonly target?: string | undefined
}

/** Speeds of this machine, measured with the backend's own instructions. */
export interface NativeBackend extends Backend {
  readonly target: string
  /** Bytes per second of reading memory with all threads. */
  measureBandwidth(bytes: number, rounds?: number): Promise<number>
  /** Multiply-adds, counted as two operations, per second of the densest instruction a precision uses. */
  measurePeak(precision: 'exact' | 'fast', rounds?: number): Promise<number>
}

/**
 * The addon's kernels behind the {@link Backend} interface.
 *
 * @throws HenceError `BACKEND_UNAVAILABLE` with every load attempt when there is no addon
 */
export function nativeBackend({ threads, target: wanted }: NativeOptions): NativeBackend {
  const { addon, attempts, fix } = findAddon()
  if (!addon)
    throw new HenceError('BACKEND_UNAVAILABLE', 'the native backend could not be loaded', { attempts, ...(fix ? { hint: fix } : {}) })
  const target = wanted ?? forced ?? addon.targets()[0]!
  checkTarget(target)
  const device = addon.createDevice(threads, target)
  let isDisposed = false
  return {
    name: `native (${target})`,
    target,
    threads,
    compile: (program, weights, options) => compile({ addon, device, target, threads }, program, weights, options),
    measureBandwidth: (bytes, rounds = 3) => addon.measureBandwidth(device, bytes, rounds),
    measurePeak: (precision, rounds = 5) => addon.measurePeak(device, precision === 'exact' ? 0 : 1, rounds),
    dispose() {
      if (isDisposed) return
      isDisposed = true
      addon.destroyDevice(device)
    },
  }
}

function checkTarget(target: string): void {
  const known = targets()
  if (!known.includes(target))
    throw new HenceError('BACKEND_UNAVAILABLE', `this machine or build has no instruction set "${target}"`, { target, targets: known })
}

async function compile(
  { addon, device, target, threads }: { addon: Addon; device: NativeHandle; target: string; threads: number },
  given: Program,
  provider: WeightProvider,
  options: CompileOptions,
): Promise<Executable> {
  const { limits, precision, signal } = options
  const program = await tuneConvolutions(given, { addon, device, target, threads, precision, signal })
  const encoded = encodeProgram(program)
  const weights = await packWeights(addon, device, program, provider, options)
  const used = new Set(weightUses(program).map(({ buffer }) => buffer))
  const hostWeights = new Map<number, Float32Array>()
  for (const buffer of buffersOf(program, 'weight').filter(({ id }) => isReadByHost(program, encoded.segments, id) || !used.has(id))) {
    const weight = resolveWeight(buffer, provider)
    hostWeights.set(buffer.id, await readWeightRows(weight, 0, weight.n, signal))
  }
  const plan = planMemory(program, limits)
  const native = encoded.segments.filter(({ kind }) => kind === 'native').reduce((sum, { begin, end }) => sum + end - begin, 0)
  // What is kept must not keep the tensors the weights were packed from.
  const owner = provider.shared ? { shared: provider.shared } : {}
  const parts = { addon, device, threads, program, encoded, weights, hostWeights, plan, limits, precision }
  return {
    program,
    weightBytes: weights.bytes,
    stepWeightBytes: multipliedBytes(program, encoded, weights),
    arenaBytes: plan.arenaBytes,
    kernelShare: native / Math.max(1, program.instructions.length),
    createExecution: () => new NativeExecution(parts),
    dispose: () => releaseWeights(addon, owner, weights),
  }
}

/** Bytes of the distinct matrices that products of one token read; a table that is only gathered from is not among them. */
function multipliedBytes({ instructions, buffers }: Program, { matrices }: EncodedProgram, { places }: PackedWeights): number {
  const shares = new Map<number, number>()
  for (const instruction of instructions) {
    if (!['matmul', 'conv', 'quantised_matmul', 'quantised_conv'].includes(instruction.op)) continue
    for (const id of instruction.inputs.slice(instruction.op === 'conv' ? 1 : 3))
      if (id !== null) shares.set(id, expertShare(buffers, instruction))
  }
  // Several buffers may name one matrix.
  const read = new Map(
    matrices.filter(({ buffer }) => shares.has(buffer)).map(use => [places.get(useKey(use))!, shares.get(use.buffer)!] as const),
  )
  return [...read].reduce((sum, [{ bytes }, share]) => sum + share * bytes, 0)
}

function isReadByHost(program: Program, segments: ReturnType<typeof encodeProgram>['segments'], id: number): boolean {
  return segments.some(
    ({ kind, begin, end }) => kind === 'host' && program.instructions.slice(begin, end).some(({ inputs }) => inputs.includes(id)),
  )
}
