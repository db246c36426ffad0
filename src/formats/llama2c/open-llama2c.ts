import { elementCount, HenceError } from '../../core/index.ts'
import { ByteFile } from '../byte-file.ts'
import type { Checkpoint, StoredTensor } from '../checkpoint.ts'
import { fileTensor } from '../file-tensor.ts'
import { LLAMA2C_HEADER_BYTES, type Llama2cConfig, readLlama2cHeader } from './header.ts'

/** An open llama2.c checkpoint. */
export interface Llama2cFile extends Checkpoint {
  readonly format: 'llama2c'
  readonly config: Llama2cConfig
}

/**
 * Opens a llama2.c checkpoint: the legacy export or version 1, both in 32-bit floats. Tensors carry the names GGUF gives
 * to Llama models. Rows of q and k are in the order of rotations over neighbouring pairs, as in GGUF.
 *
 * @throws HenceError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `FILE_TRUNCATED`, `FILE_MALFORMED`, `FORMAT_UNSUPPORTED`, `ABORTED`
 */
export async function openLlama2c(path: string, options: { signal?: AbortSignal | undefined } = {}): Promise<Llama2cFile> {
  const file = await ByteFile.open(path)
  try {
    const head = await file.read(0, Math.min(file.size, LLAMA2C_HEADER_BYTES), options.signal)
    const { config, dataStart } = readLlama2cHeader(file.path, head)
    const tensors = new Map<string, StoredTensor>()
    let offset = dataStart
    for (const { name, shape } of config.version === 0 ? legacyLayout(config) : versionedLayout(config)) {
      if (name !== undefined) tensors.set(name, fileTensor(file, name, 'f32', shape, offset))
      offset += elementCount(shape) * 4
    }
    checkSize(file, config, offset)
    return { format: 'llama2c', config, tensors, files: [file.identity], close: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}

function checkSize(file: ByteFile, config: Llama2cConfig, implied: number): void {
  if (file.size === implied) return
  throw new HenceError(
    file.size < implied ? 'FILE_TRUNCATED' : 'FILE_MALFORMED',
    `${file.path}: the header implies ${implied} bytes, the file has ${file.size}`,
    { path: file.path, implied, fileSize: file.size, config },
  )
}

/** A run of floats in the file; without a name it is skipped. */
interface Run {
  readonly name?: string
  readonly shape: readonly number[]
}

/** Every kind of tensor for all layers, then the next kind; rotation tables that nobody needs before the classifier. */
function legacyLayout(config: Llama2cConfig): Run[] {
  const { dim, vocabSize, contextLength, headCount, tiedEmbeddings } = config
  const layers = layerRuns(config)
  const rotations: Run = { shape: [contextLength, dim / headCount / 2] }
  return [
    { name: 'token_embd.weight', shape: [vocabSize, dim] },
    ...layers('attn_norm'),
    ...layers('attn_q'),
    ...layers('attn_k'),
    ...layers('attn_v'),
    ...layers('attn_output'),
    ...layers('ffn_norm'),
    ...layers('ffn_gate'),
    ...layers('ffn_down'),
    ...layers('ffn_up'),
    { name: 'output_norm.weight', shape: [dim] },
    rotations,
    rotations,
    ...(tiedEmbeddings ? [] : [{ name: 'output.weight', shape: [vocabSize, dim] }]),
  ]
}

/** All norms, then the embedding and the matrices. */
function versionedLayout(config: Llama2cConfig): Run[] {
  const { dim, vocabSize, tiedEmbeddings } = config
  const layers = layerRuns(config)
  return [
    ...layers('attn_norm'),
    ...layers('ffn_norm'),
    { name: 'output_norm.weight', shape: [dim] },
    { name: 'token_embd.weight', shape: [vocabSize, dim] },
    ...layers('attn_q'),
    ...layers('attn_k'),
    ...layers('attn_v'),
    ...layers('attn_output'),
    ...layers('ffn_gate'),
    ...layers('ffn_down'),
    ...layers('ffn_up'),
    ...(tiedEmbeddings ? [] : [{ name: 'output.weight', shape: [vocabSize, dim] }]),
  ]
}

function layerRuns({ dim, hiddenDim, headCount, kvHeadCount, layerCount }: Llama2cConfig): (part: string) => Run[] {
  const kvDim = (dim / headCount) * kvHeadCount
  const shapes: Readonly<Record<string, readonly number[]>> = {
    attn_norm: [dim],
    attn_q: [dim, dim],
    attn_k: [kvDim, dim],
    attn_v: [kvDim, dim],
    attn_output: [dim, dim],
    ffn_norm: [dim],
    ffn_gate: [hiddenDim, dim],
    ffn_down: [dim, hiddenDim],
    ffn_up: [hiddenDim, dim],
  }
  return part => Array.from({ length: layerCount }, (_, layer) => ({ name: `blk.${layer}.${part}.weight`, shape: shapes[part]! }))
}
