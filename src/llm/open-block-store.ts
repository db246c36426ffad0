import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import type { Precision } from '../backends/index.ts'
import { HenceError, warn } from '../core/index.ts'
import { rememberedContentHash } from '../formats/index.ts'
import type { Program } from '../program/index.ts'
import type { BatchLimits } from './batch.ts'
import { BlockStore } from './block-store.ts'
import { blockPools, bytesPerBlock, type DecoderSource } from './decoder.ts'
import { stateSizes } from './decoder-config.ts'

/** Raised when blocks are computed or laid out in another way. */
const VERSION = 1

/** Bytes on disk unless the caller says otherwise. */
const DEFAULT_BYTES = 10e9

/** What blocks are computed by and where they are to be kept. */
export interface BlockStoreRequest {
  readonly program: Program
  readonly limits: BatchLimits
  readonly precision: Precision
  /** Name of the backend. */
  readonly backend: string
  readonly prefixCache?: boolean | undefined
  readonly prefixCacheFolder?: string | undefined
  readonly prefixCacheBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The store of a model's blocks. Weights, configuration, precision, backend and layout are part of what blocks are found by.
 *
 * @returns undefined where none is wanted, and, with a warning, for models whose blocks are of no use without a state
 * @throws HenceError `OPTION_INVALID` when the folder cannot be made or read, `FILE_UNREADABLE` when a file of the model changed
 */
export async function openBlockStore({ config, checkpoint }: DecoderSource, request: BlockStoreRequest): Promise<BlockStore | undefined> {
  const { program, limits, precision, backend, prefixCache = true, prefixCacheBytes: maxBytes = DEFAULT_BYTES, signal } = request
  const { prefixCacheFolder: folder } = request
  if (folder === undefined || !prefixCache) return undefined
  const hasStates = config.layers.some(({ mixer }) => stateSizes(mixer).length > 0)
  if (hasStates || checkpoint.files.length === 0) {
    const why = hasStates ? 'its blocks are of no use without a state' : 'it comes from no files by which blocks could be told apart'
    const hint = 'The model works as it would without the folder: leave prefixCacheFolder (--prefix-cache-folder) out.'
    warn(new HenceError('CACHE_FAILED', `nothing of this ${config.architecture} model is kept in ${folder}: ${why}`, { folder, hint }))
    return undefined
  }
  // A folder that cannot be made is told by the store.
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(() => {})
  const content = await rememberedContentHash(folder, checkpoint.files, { signal })
  const pools = blockPools(program).map(({ name, dtype, shape }) => [name, dtype, shape])
  const identity = createHash('sha256')
    .update(JSON.stringify([VERSION, content, config, precision, backend, pools]))
    .digest('hex')
  return BlockStore.open({ folder, identity, blockBytes: bytesPerBlock(program, limits), maxBytes })
}
