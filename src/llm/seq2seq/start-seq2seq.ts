import { type Backend, openBackend, type Precision } from '../../backends/index.ts'
import { elementCount, HenceError, type MemoryDescription } from '../../core/index.ts'
import { KV_BLOCK_TOKENS, type KvType, kvHeadBytes, planMemory } from '../../program/index.ts'
import { kvTypeOf, STEP_LOGIT_BYTES, STEP_SEQUENCES, STEP_TOKENS } from '../decoder.ts'
import { blocksFor } from '../kv-blocks.ts'
import { DEFAULT_CONTEXT, DEFAULT_KV_SHARE, formatBytes } from '../memory.ts'
import { availableMemory, type EngineOptions, PLAIN_TYPES } from '../start-engine.ts'
import { Seq2Seq, sourceDims } from './seq2seq.ts'
import { type Seq2SeqConfig, soundTokens } from './seq2seq-config.ts'
import { Seq2SeqEngine } from './seq2seq-engine.ts'
import { type Seq2SeqPrograms, type Seq2SeqSource, writeSeq2Seq } from './seq2seq-source.ts'
import { type Seq2SeqLimits, targetDims } from './target-layout.ts'

/** What an engine is going to be, before any weight is read. */
export interface Seq2SeqPlan {
  readonly programs: Seq2SeqPrograms
  readonly precision: Precision
  readonly limits: Seq2SeqLimits
  readonly memory: MemoryDescription
}

/** An engine with the backend it runs on; disposing the engine leaves the backend to its owner. */
export interface StartedSeq2Seq {
  readonly engine: Seq2SeqEngine
  readonly plan: Seq2SeqPlan
  readonly backend: Backend
}

/** Sources of one run of the encoder: texts, which share its tokens, and stretches of sound, each of which fills it. */
const RUN_TEXTS = 32
const RUN_SOUNDS = 4
/** Tokens of all texts of a run, unless one alone has more. */
const RUN_TOKENS = 2_048
/** The pools hold up to so many sources with their targets. */
const POOL_PAIRS = 8

/**
 * Opens a backend, packs the weights and allocates keys and values.
 *
 * @throws HenceError `OUT_OF_MEMORY`, `OPTION_INVALID`, `BACKEND_UNAVAILABLE`, `TENSOR_MISSING`, `TENSOR_MISMATCH`, `ABORTED`
 */
export async function startSeq2Seq(source: Seq2SeqSource, options: EngineOptions): Promise<StartedSeq2Seq> {
  const backend = openBackend(options)
  try {
    const plan = planOn(backend, source, options)
    const { programs, precision, limits, memory } = plan
    const { signal, onProgress } = options
    const model = await Seq2Seq.compile(source, programs, { backend, precision, limits, signal, onProgress })
    const { encoder, decoder } = model
    const measured = {
      weightBytes: Math.max(encoder.weightBytes, decoder.weightBytes, memory.weightBytes),
      stepWeightBytes: decoder.stepWeightBytes,
      arenaBytes: encoder.arenaBytes + decoder.arenaBytes,
    }
    return { engine: new Seq2SeqEngine(model), plan: { ...plan, memory: { ...memory, ...measured } }, backend }
  } catch (error) {
    backend.dispose()
    throw error
  }
}

/** What {@link startSeq2Seq} would do, without reading weights. @throws HenceError as it does */
export function planSeq2Seq(source: Seq2SeqSource, options: EngineOptions): Seq2SeqPlan {
  const backend = openBackend(options)
  try {
    return planOn(backend, source, options)
  } finally {
    backend.dispose()
  }
}

function planOn(backend: Backend, source: Seq2SeqSource, options: EngineOptions): Seq2SeqPlan {
  const { config, checkpoint } = source
  const tensors = [...checkpoint.tensors.values()]
  const precision = options.precision ?? (tensors.every(({ type }) => PLAIN_TYPES.includes(type)) ? 'exact' : 'fast')
  const kvType = options.kvType ?? kvTypeOf(precision)
  const programs = writeSeq2Seq(source, { kvType })
  const weightBytes = tensors.reduce(
    (sum, { shape, byteLength }) => sum + (backend.name === 'reference' ? elementCount(shape) * 4 : byteLength),
    0,
  )
  const availableBytes = availableMemory()
  const perToken = kvBytesPerToken(config, kvType)
  const left = availableBytes - weightBytes
  const contexts = planContexts(config, options.context, Math.floor((left * DEFAULT_KV_SHARE) / perToken))
  const pairTokens = (blocksFor(contexts.source) + blocksFor(contexts.target)) * KV_BLOCK_TOKENS
  if (pairTokens * perToken > left)
    throw new HenceError(
      'OUT_OF_MEMORY',
      `${formatBytes(weightBytes)} of weights + ${pairTokens} tokens × ${formatBytes(perToken)} of keys and values = ` +
        `${formatBytes(weightBytes + pairTokens * perToken)}, more than the ${formatBytes(availableBytes)} available`,
      { weightBytes, kvBytesPerToken: perToken, tokens: pairTokens, availableBytes },
    )
  const share = Math.floor((left * DEFAULT_KV_SHARE) / (perToken * KV_BLOCK_TOKENS)) * KV_BLOCK_TOKENS
  const poolTokens = Math.max(pairTokens, Math.min(POOL_PAIRS * pairTokens, share))
  const limits = limitsOf(config, contexts, poolTokens)
  const arenaBytes =
    planMemory(programs.encoder, sourceDims(limits)).arenaBytes + planMemory(programs.decoder, targetDims(limits)).arenaBytes
  return {
    programs,
    precision,
    limits,
    memory: {
      weightBytes,
      stepWeightBytes: weightBytes,
      kvType,
      kvBytesPerToken: perToken,
      kvPoolTokens: poolTokens,
      kvPoolBytes: poolTokens * perToken,
      arenaBytes,
      availableBytes,
      largestContext: contexts.target,
    },
  }
}

interface Contexts {
  readonly source: number
  readonly target: number
}

/** Tokens of a source and of a target: what the model was made for, or, where positions are relative, what is asked for. */
function planContexts({ encoder, decoder }: Seq2SeqConfig, asked: number | undefined, tokensThatFit: number): Contexts {
  const side = (made: number | null): number => {
    if (made === null) return asked ?? Math.min(DEFAULT_CONTEXT, Math.max(KV_BLOCK_TOKENS, Math.floor(tokensThatFit / 2)))
    return Math.min(made, asked ?? DEFAULT_CONTEXT)
  }
  const made = [encoder.input.kind === 'tokens' ? encoder.input.context : null, decoder.input.context].filter(size => size !== null)
  const most = Math.max(...made)
  if (asked !== undefined && made.length > 0 && asked > most)
    throw new HenceError('OPTION_INVALID', `context ${asked} is more than the ${most} tokens the model was made for`, {
      asked,
      modelContext: most,
    })
  return {
    source: encoder.input.kind === 'sound' ? soundTokens(encoder.input) : side(encoder.input.context),
    target: side(decoder.input.context),
  }
}

function limitsOf({ encoder, vocabulary }: Seq2SeqConfig, { source, target }: Contexts, poolTokens: number): Seq2SeqLimits {
  const isSound = encoder.input.kind === 'sound'
  return {
    sources: isSound ? RUN_SOUNDS : RUN_TEXTS,
    sourceTokens: isSound ? RUN_SOUNDS * source : Math.max(source, RUN_TOKENS),
    sourceContext: source,
    tokens: STEP_TOKENS,
    sequences: STEP_SEQUENCES,
    rows: Math.max(STEP_SEQUENCES, Math.min(STEP_TOKENS, Math.floor(STEP_LOGIT_BYTES / (4 * vocabulary)))),
    targetContext: target,
    blocks: blocksFor(poolTokens),
  }
}

/** Bytes that one token's keys and values take, of a source or of a target. */
function kvBytesPerToken({ decoder }: Seq2SeqConfig, kvType: KvType): number {
  return decoder.layers.reduce((sum, { heads, headDim }) => sum + 2 * heads * kvHeadBytes(kvType, headDim), 0)
}
