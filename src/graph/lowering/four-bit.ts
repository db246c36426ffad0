import { elementCount, f16ToF32, f32ToF16 } from '../../core/index.ts'
import type { Lowering } from './context.ts'
import { toFloat32 } from './storage.ts'
import { storedBytes } from './stored-tensor.ts'

/** Weights that share a scale in the blocks backends pack. */
const BLOCK = 32
/** Source: `accuracy_level` of com.microsoft.MatMulNBits: the least precise type activations may have, 4 being int8. */
const ACCURACY_OF_8_BITS = 4

/**
 * `com.microsoft.MatMulNBits` with four bits: its blocks become Q4_0 blocks, w = d · (q − 8), or Q4_1 blocks, w = d · q + m,
 * where the zero points are others. Those hold f16 scales, so in `exact` weights whose scales are no f16 numbers are widened
 * to f32. The accuracy level 4 allows 8-bit activations in any precision.
 */
const matMulNBits: Lowering = context => {
  const { attributes, segment } = context
  const [x, packed, scales] = [context.type(0), context.known(1), context.known(2)]
  const [k, n, bits, size] = ['K', 'N', 'bits', 'block_size'].map(name => attributes.int(name, name === 'bits' ? 4 : 0)) as [
    number,
    number,
    number,
    number,
  ]
  const zeros = context.has(3) ? context.known(3) : undefined
  if (!x || !packed || !scales || !context.isFloat(0) || !context.isFloat(2) || context.has(4) || (context.has(3) && zeros?.dtype !== 'u8'))
    return false
  if (bits !== 4 || size % BLOCK !== 0 || k % size !== 0 || x.shape.at(-1) !== k || elementCount(x.shape) === 0) return false
  if (packed.dtype !== 'u8' || elementCount(packed.shape) !== (n * k) / 2 || elementCount(scales.shape) !== (n * k) / size) return false
  const factors = toFloat32(scales)
  const isHalf = factors.every(value => f16ToF32(f32ToF16(value)) === value)
  const bias = context.has(5) ? context.known(5) : undefined
  if (context.has(5) && (!bias || elementCount(bias.shape) !== n)) return false

  const nibbles = packed.data as Uint8Array
  const points = zeros?.data as Uint8Array | undefined
  const key = context.key(1)
  const allowsFast = attributes.int('accuracy_level', 0) === ACCURACY_OF_8_BITS
  const weight =
    context.precision === 'exact' && !allowsFast && (zeros || !isHalf)
      ? context.madeWeight(`${key} widened`, [n, k], () => widen(nibbles, factors, points, size, k))
      : segment.weight(`${key} as blocks`, [n, k], () =>
          storedBytes(`${key} as blocks`, zeros ? 'q4_1' : 'q4_0', [n, k], () => toBlocks(nibbles, factors, points, size, k)),
        )
  const rows = elementCount(x.shape) / k
  const shift = bias && segment.constant(context.key(5), bias, 'f32', [n])
  const y = segment.emit(
    'matmul',
    context.node.name,
    [context.plainAs(0, [rows, k]), undefined, undefined, weight, shift],
    allowsFast ? { precision: 'fast' } : {},
  )
  const shape = [...x.shape.slice(0, -1), n]
  return context.define(segment.builder.view(y, shape), shape)
}

/** Source: the block layouts of ggml (Q4_0, Q4_1): element i of 32 is nibble i / 16 of byte i mod 16. */
function toBlocks(packed: Uint8Array, scales: Float32Array, zeros: Uint8Array | undefined, size: number, k: number): Uint8Array {
  const header = zeros ? 4 : 2
  const blockBytes = header + BLOCK / 2
  const count = (packed.length * 2) / BLOCK
  const bytes = new Uint8Array(count * blockBytes)
  const view = new DataView(bytes.buffer)
  for (let block = 0; block < count; block++) {
    const at = block * blockBytes
    const group = Math.floor((block * BLOCK) / size)
    const scale = scales[group]!
    view.setUint16(at, f32ToF16(scale), true)
    if (zeros) {
      view.setUint16(at + 2, f32ToF16(-scale * zeroPoint(zeros, group, k / size)), true)
    }
    for (let i = 0; i < BLOCK; i++) {
      // ONNX packs neighbours into one byte, the first in the low bits.
      const nibble = (packed[(block * BLOCK + i) >> 1]! >> (4 * (i & 1))) & 15
      bytes[at + header + (i % 16)]! |= nibble << (i < 16 ? 0 : 4)
    }
  }
  return bytes
}

/** The zero point of a group, packed like the weights, each row from a new byte; 8 where there are none. */
function zeroPoint(zeros: Uint8Array | undefined, group: number, groupsPerRow: number): number {
  const row = Math.floor(group / groupsPerRow)
  const column = group % groupsPerRow
  return zeros ? (zeros[row * Math.ceil(groupsPerRow / 2) + (column >> 1)]! >> (4 * (column & 1))) & 15 : 8
}

function widen(packed: Uint8Array, scales: Float32Array, zeros: Uint8Array | undefined, size: number, k: number): Float32Array {
  return Float32Array.from({ length: packed.length * 2 }, (_, i) => {
    const group = Math.floor(i / size)
    return (((packed[i >> 1]! >> (4 * (i & 1))) & 15) - zeroPoint(zeros, group, k / size)) * scales[group]!
  })
}

/** Products with four-bit weights by operator name. */
export const FOUR_BIT: Readonly<Record<string, Lowering>> = { 'com.microsoft.MatMulNBits': matMulNBits }
