import { HenceError } from '../../core/index.ts'
import type { Checkpoint, StoredTensor } from '../checkpoint.ts'
import { STORAGE_TYPES } from '../storage-types.ts'

const BLOCKS = '_blocks'
const SCALES = '_scales'
const { blockBytes: BLOCK_BYTES, blockElements: BLOCK_ELEMENTS } = STORAGE_TYPES.mxfp4
const HALF = BLOCK_ELEMENTS / 2

/**
 * A checkpoint in which every pair of `X_blocks` `[…, K / 32, 16]` and `X_scales` `[…, K / 32]`, both bytes, is one tensor `X`
 * `[…, K]` of type `mxfp4`, as GGUF would store it: a byte of the pair holds neighbours, one of GGUF's numbers half a block
 * apart. Source: the published checkpoints of gpt-oss.
 *
 * @throws HenceError `TENSOR_MISMATCH` where the two do not fit together
 */
export function withMxfp4Tensors(checkpoint: Checkpoint): Checkpoint {
  const { format, files, unsupported, tensors } = checkpoint
  const stems = [...tensors.keys()].filter(name => name.endsWith(BLOCKS)).map(name => name.slice(0, -BLOCKS.length))
  const pairs = stems.filter(stem => tensors.has(stem + SCALES) && !tensors.has(stem))
  if (pairs.length === 0) return checkpoint
  const joined = new Map(tensors)
  for (const stem of pairs) {
    joined.delete(stem + BLOCKS)
    joined.delete(stem + SCALES)
    joined.set(stem, joinedTensor(stem, tensors.get(stem + BLOCKS)!, tensors.get(stem + SCALES)!))
  }
  return { format, files, tensors: joined, ...(unsupported && { unsupported }), close: () => checkpoint.close() }
}

function joinedTensor(name: string, blocks: StoredTensor, scales: StoredTensor): StoredTensor {
  const outer = scales.shape
  const isPair = blocks.type === 'u8' && scales.type === 'u8' && blocks.shape.join() === [...outer, HALF].join() && outer.length > 0
  if (!isPair)
    throw new HenceError(
      'TENSOR_MISMATCH',
      `${blocks.name} ${blocks.type} [${blocks.shape.join(', ')}] and ${scales.name} ${scales.type} [${outer.join(', ')}] are no blocks of ${HALF} bytes with a scale each`,
      { tensor: name, blocks: blocks.shape, scales: outer },
    )
  const count = outer.reduce((product, size) => product * size, 1)
  const byteLength = count * BLOCK_BYTES
  return {
    name,
    type: 'mxfp4',
    shape: [...outer.slice(0, -1), outer.at(-1)! * BLOCK_ELEMENTS],
    byteLength,
    async read(byteOffset = 0, length = byteLength - byteOffset, signal?: AbortSignal) {
      if (!(byteOffset >= 0 && length >= 0 && byteOffset + length <= byteLength))
        throw new HenceError('OPTION_INVALID', `bytes ${byteOffset} to ${byteOffset + length} lie outside ${name} of ${byteLength}`, {
          tensor: name,
          byteOffset,
          length,
        })
      const first = Math.floor(byteOffset / BLOCK_BYTES)
      const end = Math.ceil((byteOffset + length) / BLOCK_BYTES)
      const [pairs, exponents] = [
        await blocks.read(first * HALF, (end - first) * HALF, signal),
        await scales.read(first, end - first, signal),
      ]
      const bytes = new Uint8Array((end - first) * BLOCK_BYTES)
      for (let b = 0, from = 0, to = 0; b < exponents.length; b++, from += HALF, to += BLOCK_BYTES) {
        bytes[to] = exponents[b]!
        for (let j = 0; j < HALF; j++) bytes[to + 1 + j] = nibble(pairs, from, j) | (nibble(pairs, from, j + HALF) << 4)
      }
      const skipped = byteOffset - first * BLOCK_BYTES
      return bytes.slice(skipped, skipped + length)
    },
  }
}

/** Number i of the block whose bytes begin at `from`, as four bits. */
function nibble(pairs: Uint8Array, from: number, i: number): number {
  const byte = pairs[from + (i >> 1)]!
  return i % 2 === 0 ? byte & 15 : byte >> 4
}
