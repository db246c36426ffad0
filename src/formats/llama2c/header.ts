import { HenceError } from '../../core/index.ts'

/** Sizes in a llama2.c checkpoint. */
export interface Llama2cConfig {
  /** 0 for the headerless legacy export, 1 for the versioned float export. */
  readonly version: 0 | 1
  readonly dim: number
  readonly hiddenDim: number
  readonly layerCount: number
  readonly headCount: number
  readonly kvHeadCount: number
  readonly vocabSize: number
  /** Longest sequence the model was trained on, in tokens. */
  readonly contextLength: number
  /** True when the output matrix is the embedding. */
  readonly tiedEmbeddings: boolean
}

/** Bytes from the start of the file that decide what it is; the versioned header is padded to this length. */
export const LLAMA2C_HEADER_BYTES = 256

const MAGIC = 0x616b3432
const LEGACY_HEADER_BYTES = 28

/** Largest sizes taken for a llama2.c model: Hence's own, an order of magnitude above any Llama model. */
const LIMITS = {
  dim: 2 ** 17,
  hiddenDim: 2 ** 20,
  layerCount: 1024,
  headCount: 4096,
  kvHeadCount: 4096,
  vocabSize: 2 ** 22,
  contextLength: 2 ** 24,
} as const

/** True when the bytes begin with the magic of versioned exports. */
function hasLlama2cMagic(head: Uint8Array): boolean {
  return head.length >= 4 && viewOf(head).getUint32(0, true) === MAGIC
}

/** True when the bytes could begin a llama2.c checkpoint: the magic, or sizes that make a possible model. */
export function looksLikeLlama2c(head: Uint8Array): boolean {
  if (hasLlama2cMagic(head)) return true
  return head.length >= LEGACY_HEADER_BYTES && implausibility(legacyConfig(head)) === undefined
}

/** Reads and checks the header. `dataStart` is the offset of the first weight. */
export function readLlama2cHeader(path: string, head: Uint8Array): { config: Llama2cConfig; dataStart: number } {
  if (head.length < LEGACY_HEADER_BYTES)
    throw new HenceError('FILE_TRUNCATED', `${path}: header: ${LEGACY_HEADER_BYTES} bytes end beyond the file (${head.length} bytes)`, {
      path,
      fileSize: head.length,
    })
  const versioned = hasLlama2cMagic(head)
  const config = versioned ? versionedConfig(path, head) : legacyConfig(head)
  const reason = implausibility(config)
  if (reason !== undefined) throw new HenceError('FILE_MALFORMED', `${path}: header: ${reason}`, { path, config })
  return { config, dataStart: versioned ? LLAMA2C_HEADER_BYTES : LEGACY_HEADER_BYTES }
}

function legacyConfig(head: Uint8Array): Llama2cConfig {
  const sizes = sizesAt(head, 0)
  // A negative vocabulary size marks an output matrix of its own.
  return { version: 0, ...sizes, vocabSize: Math.abs(sizes.vocabSize), tiedEmbeddings: sizes.vocabSize > 0 }
}

function versionedConfig(path: string, head: Uint8Array): Llama2cConfig {
  if (head.length < LLAMA2C_HEADER_BYTES)
    throw new HenceError('FILE_TRUNCATED', `${path}: header: ${LLAMA2C_HEADER_BYTES} bytes end beyond the file (${head.length} bytes)`, {
      path,
      fileSize: head.length,
    })
  const version = viewOf(head).getInt32(4, true)
  if (version === 2)
    throw new HenceError(
      'FORMAT_UNSUPPORTED',
      `${path}: llama2.c export version 2 (int8 groups); Hence reads the legacy export and version 1 (float)`,
      { path, version },
    )
  if (version !== 1)
    throw new HenceError('FORMAT_UNSUPPORTED', `${path}: llama2.c export version ${version}; Hence reads the legacy export and version 1`, {
      path,
      version,
    })
  const tied = head[36]!
  if (tied > 1) throw new HenceError('FILE_MALFORMED', `${path}: header: the shared-classifier flag is ${tied} instead of 0 or 1`, { path })
  return { version: 1, ...sizesAt(head, 8), tiedEmbeddings: tied === 1 }
}

function sizesAt(head: Uint8Array, offset: number): Omit<Llama2cConfig, 'version' | 'tiedEmbeddings'> {
  const view = viewOf(head)
  const field = (index: number): number => view.getInt32(offset + 4 * index, true)
  return {
    dim: field(0),
    hiddenDim: field(1),
    layerCount: field(2),
    headCount: field(3),
    kvHeadCount: field(4),
    vocabSize: field(5),
    contextLength: field(6),
  }
}

/** Why the sizes make no model, or undefined when they do. */
function implausibility(config: Llama2cConfig): string | undefined {
  for (const key of Object.keys(LIMITS) as (keyof typeof LIMITS)[])
    if (config[key] < 1 || config[key] > LIMITS[key])
      return `${key} ${config[key]} is not between 1 and ${LIMITS[key]}, a limit of Hence's reader`
  const { dim, headCount, kvHeadCount } = config
  if (dim % headCount !== 0) return `dim ${dim} is not a multiple of headCount ${headCount}`
  if ((dim / headCount) % 2 !== 0) return `the head size ${dim / headCount} is odd`
  if (headCount % kvHeadCount !== 0) return `headCount ${headCount} is not a multiple of kvHeadCount ${kvHeadCount}`
  return undefined
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
