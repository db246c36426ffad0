import { freemem } from 'node:os'
import { type Backend, type BackendOptions, type LoadProgress, openBackend, type Precision } from '../backends/index.ts'
import { elementCount, HenceError, isHenceError, type MemoryDescription } from '../core/index.ts'
import { expertShare, type KvType, type Program, sourceTensors } from '../program/index.ts'
import { Decoder, type DecoderSource, kvTypeOf, STEP_SEQUENCES, stepLimits, stepMemory, writeDecoder } from './decoder.ts'
import type { DecoderConfig } from './decoder-config.ts'
import { Engine, type EngineSettings } from './engine.ts'
import { type ContextPlan, kvBytesPerToken, planContext, sequencesThatFit, stateBytesPerSequence, tokensThatFit } from './memory.ts'
import { openBlockStore } from './open-block-store.ts'

/** How an engine is started. */
export interface EngineOptions extends BackendOptions, EngineSettings {
  /**
   * Tokens one sequence may have, prompt and answer together. By default the model's own context up to 4,096, less where
   * keys and values would take more than a quarter of the memory left beside the weights.
   */
  readonly context?: number | undefined
  /** `exact` is the default for F32, F16 and BF16 files, `fast` for quantised ones. */
  readonly precision?: Precision | undefined
  /**
   * How keys and values are held: `f32` is the default in `exact`, `f16` in `fast`. `i8` takes about half of `f16`, a byte per
   * number and a scale per token and head, for an error of about half a percent in each.
   */
  readonly kvType?: KvType | undefined
  /**
   * Folder in which the prefix cache outlives the process: what leaves it, or is in it when the model is disposed, is found there by
   * whoever loads the same model with the same precision. It tells what was asked and answered; only this user can read it.
   */
  readonly prefixCacheFolder?: string | undefined
  /** Bytes that folder may take; 10 GB by default. */
  readonly prefixCacheBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
}

/** What an engine is going to be, before any weight is read. */
export interface EnginePlan {
  readonly program: Program
  readonly precision: Precision
  readonly context: number
  readonly memory: MemoryDescription
}

/** An engine with the backend it runs on; disposing the engine leaves the backend to its owner. */
export interface StartedEngine {
  readonly engine: Engine
  readonly plan: EnginePlan
  readonly backend: Backend
}

/** Types in which files hold numbers as they are; others are codes. */
export const PLAIN_TYPES: readonly string[] = ['f32', 'f16', 'bf16']

/** Share of the slots for states that hold snapshots rather than states of running sequences. */
const SNAPSHOT_SHARE = 0.25

/**
 * Opens a backend, packs the weights and allocates keys and values.
 *
 * @throws HenceError `OUT_OF_MEMORY`, `OPTION_INVALID`, `BACKEND_UNAVAILABLE`, `TENSOR_MISSING`, `TENSOR_MISMATCH`, `ABORTED`
 */
export async function startEngine(source: DecoderSource, options: EngineOptions): Promise<StartedEngine> {
  const backend = openBackend(options)
  try {
    const plan = planOn(backend, source, options)
    const { program, precision, context, memory } = plan
    const slots = memory.states?.sequences
    const snapshots = slots === undefined || options.prefixCache === false ? 0 : Math.floor(slots * SNAPSHOT_SHARE)
    const limits = { ...stepLimits(source.config, context, memory.kvPoolTokens, slots && slots - snapshots), snapshots }
    const { signal, onProgress } = options
    const store = await openBlockStore(source, { ...options, program, limits, precision, backend: backend.name })
    const decoder = await Decoder.compile(source, program, { backend, precision, limits, signal, onProgress })
    const { weightBytes, stepWeightBytes, arenaBytes } = decoder.executable
    return {
      engine: new Engine(decoder, options, store),
      plan: { ...plan, memory: { ...memory, weightBytes, stepWeightBytes, arenaBytes } },
      backend,
    }
  } catch (error) {
    backend.dispose()
    throw error
  }
}

/**
 * What {@link startEngine} would do, without reading weights. A context that does not fit is cut to the largest that does.
 *
 * @throws HenceError `OPTION_INVALID`, `BACKEND_UNAVAILABLE`, `TENSOR_MISSING`, `TENSOR_MISMATCH`
 */
export function planEngine(source: DecoderSource, options: EngineOptions): EnginePlan {
  const backend = openBackend(options)
  try {
    return planOn(backend, source, options, true)
  } finally {
    backend.dispose()
  }
}

function planOn(backend: Backend, source: DecoderSource, options: EngineOptions, isLenient = false): EnginePlan {
  const { config, checkpoint } = source
  const tensors = [...checkpoint.tensors.values()]
  const precision = options.precision ?? (tensors.every(tensor => PLAIN_TYPES.includes(tensor.type)) ? 'exact' : 'fast')
  const kvType = options.kvType ?? kvTypeOf(precision)
  checkHasKeys(config, options.kvType)
  const program = writeDecoder(source, { kvType })
  // The arena hardly depends on the context, which is not known yet.
  const { arenaBytes } = stepMemory(program, stepLimits(config, 1, 1))
  // The reference backend widens every weight; others keep about the bytes of the file.
  const weightBytes = tensors.reduce(
    (sum, { shape, byteLength }) => sum + (backend.name === 'reference' ? elementCount(shape) * 4 : byteLength),
    0,
  )
  const availableBytes = availableMemory()
  const perSequence = stateBytesPerSequence(config)
  const sequences = sequencesThatFit(config, availableBytes - weightBytes - arenaBytes, STEP_SEQUENCES)
  const fixedBytes = weightBytes + arenaBytes + sequences * perSequence
  const largestContext = Math.min(config.context, tokensThatFit(config, kvType, availableBytes - fixedBytes))
  let plan: ContextPlan
  try {
    plan = planContext({ config, kvType, fixedBytes, availableBytes, context: options.context })
  } catch (error) {
    if (!isLenient || !isHenceError(error, 'OUT_OF_MEMORY')) throw error
    plan = { context: largestContext, poolTokens: largestContext }
  }
  const perToken = kvBytesPerToken(config, kvType)
  const states = perSequence > 0 ? { states: { bytesPerSequence: perSequence, sequences, bytes: sequences * perSequence } } : {}
  const pool = { kvType, kvBytesPerToken: perToken, kvPoolTokens: plan.poolTokens, kvPoolBytes: plan.poolTokens * perToken }
  return {
    program,
    precision,
    context: plan.context,
    memory: {
      weightBytes,
      stepWeightBytes: multipliedBytes(program, source),
      arenaBytes,
      ...pool,
      ...states,
      availableBytes,
      largestContext,
    },
  }
}

/** Refuses a choice between ways to hold keys and values where there are none. */
function checkHasKeys({ architecture, layers }: DecoderConfig, kvType: KvType | undefined): void {
  if (kvType === undefined || layers.some(({ mixer }) => mixer.kind === 'attention')) return
  throw new HenceError('OPTION_INVALID', `kvType ${kvType}: a ${architecture} model has no keys and values, only a state of fixed size`, {
    kvType,
    architecture,
    hint: 'Leave kvType (--kv-type) out.',
  })
}

/**
 * Bytes of the tensors that matmuls of one token read, as the file holds them; a table that is only looked up in is not among
 * them, and of experts those one token is sent to.
 */
function multipliedBytes({ instructions, buffers }: Program, { checkpoint }: DecoderSource): number {
  const shares = new Map<string, number>()
  for (const instruction of instructions.filter(({ op }) => op === 'matmul'))
    for (const id of instruction.inputs.slice(3)) {
      const source = id === null ? undefined : buffers[id]!.source
      for (const name of source ? sourceTensors(source) : []) shares.set(name, expertShare(buffers, instruction))
    }
  return [...shares].reduce((sum, [name, share]) => sum + share * (checkpoint.tensors.get(name)?.byteLength ?? 0), 0)
}

/** Memory this process can still have, limits of its container included. */
export function availableMemory(): number {
  // Node 20.13 and later.
  const { availableMemory: available } = process as { availableMemory?: () => number }
  return available ? available.call(process) : freemem()
}
