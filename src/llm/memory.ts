import { DTYPE_BYTES, HenceError } from '../core/index.ts'
import { KV_BLOCK_TOKENS, type KvType, kvHeadBytes } from '../program/index.ts'
import { type DecoderConfig, stateSizes } from './decoder-config.ts'

/** Tokens of context when the caller asks for none. */
export const DEFAULT_CONTEXT = 4_096
/** Share of the available memory that keys and values take when the caller asks for no context. */
export const DEFAULT_KV_SHARE = 0.25
/** The pool of keys and values holds up to this many whole contexts. */
export const POOL_CONTEXTS = 4

/** Bytes that one token's keys and values take: Σ over layers of 2 · kvHeads · bytes of a head. */
export function kvBytesPerToken({ layers }: DecoderConfig, kvType: KvType): number {
  return layers.reduce(
    (sum, { mixer }) => sum + (mixer.kind === 'attention' ? 2 * mixer.kvHeads * kvHeadBytes(kvType, mixer.headDim) : 0),
    0,
  )
}

/** Bytes that the recurrent and convolutional states of one sequence take, however long it is. */
export function stateBytesPerSequence({ layers }: DecoderConfig): number {
  return layers.flatMap(({ mixer }) => stateSizes(mixer)).reduce((sum, size) => sum + size * DTYPE_BYTES.f32, 0)
}

/** Sequences that can be worked on at once: as many as asked for, fewer where their states would take more than a share of `bytes`. */
export function sequencesThatFit(config: DecoderConfig, bytes: number, wanted: number): number {
  const perSequence = stateBytesPerSequence(config)
  return perSequence === 0 ? wanted : Math.max(1, Math.min(wanted, Math.floor((bytes * DEFAULT_KV_SHARE) / perSequence)))
}

/** Tokens, in whole blocks, whose keys and values fit into `bytes`. */
export function tokensThatFit(config: DecoderConfig, kvType: KvType, bytes: number): number {
  const perBlock = kvBytesPerToken(config, kvType) * KV_BLOCK_TOKENS
  if (perBlock === 0) return bytes >= 0 ? wholeBlocks(config.context) : 0
  return Math.max(0, Math.floor(bytes / perBlock)) * KV_BLOCK_TOKENS
}

/** What decides how much context a model gets. */
export interface ContextRequest {
  readonly config: DecoderConfig
  readonly kvType: KvType
  /** Bytes the weights, one step's intermediate results and all states take. */
  readonly fixedBytes: number
  readonly availableBytes: number
  /** Tokens the caller asks for. */
  readonly context?: number | undefined
}

/** Sizes of the context and of the pool all sequences share. */
export interface ContextPlan {
  /** Tokens one sequence may have, prompt and answer together. */
  readonly context: number
  /** Tokens of all sequences together: whole blocks, at least one context. */
  readonly poolTokens: number
}

/**
 * Chooses the context: what the caller asks for, else the model's own up to {@link DEFAULT_CONTEXT} as far as it fits into
 * {@link DEFAULT_KV_SHARE} of the memory left beside the weights. The pool holds up to {@link POOL_CONTEXTS} contexts
 * within the same share, for several sequences at once.
 *
 * @throws HenceError `OPTION_INVALID` for more than the model was made for, `OUT_OF_MEMORY` with the sum
 */
export function planContext({ config, kvType, fixedBytes, availableBytes, context: asked }: ContextRequest): ContextPlan {
  const left = availableBytes - fixedBytes
  const share = tokensThatFit(config, kvType, left * DEFAULT_KV_SHARE)
  if (asked !== undefined && asked > config.context)
    throw new HenceError('OPTION_INVALID', `context ${asked} is more than the ${config.context} tokens the model was made for`, {
      asked,
      modelContext: config.context,
    })
  const context = asked ?? Math.min(config.context, DEFAULT_CONTEXT, Math.max(share, KV_BLOCK_TOKENS))
  const perToken = kvBytesPerToken(config, kvType)
  const needed = wholeBlocks(context)
  if (needed * perToken > left) {
    const largest = Math.min(config.context, tokensThatFit(config, kvType, left))
    throw new HenceError(
      'OUT_OF_MEMORY',
      `${formatBytes(fixedBytes)} of weights and working memory + ${context} tokens × ${formatBytes(perToken)} of keys and values = ` +
        `${formatBytes(fixedBytes + needed * perToken)}, more than the ${formatBytes(availableBytes)} available; the largest context that fits is ${largest}`,
      { fixedBytes, context, kvBytesPerToken: perToken, kvBytes: needed * perToken, availableBytes, largestContext: largest },
    )
  }
  return { context, poolTokens: Math.max(needed, Math.min(POOL_CONTEXTS * needed, share)) }
}

/** `1.5 GiB`: three digits and a binary unit. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (Math.abs(value) >= 1_024 && unit < units.length - 1) {
    value /= 1_024
    unit++
  }
  return `${unit === 0 ? value : value < 1_000 ? value.toPrecision(3) : value.toFixed(0)} ${units[unit]}`
}

function wholeBlocks(tokens: number): number {
  return Math.ceil(tokens / KV_BLOCK_TOKENS) * KV_BLOCK_TOKENS
}
