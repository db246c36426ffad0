import { HenceError } from '../../../core/index.ts'
import { checkShape, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import {
  checkedCount,
  indicesInto,
  normalizeAxis,
  numbersOf,
  showShape,
  stridesOf,
  tensorFromNumbers,
  workNumbers,
} from '../support/index.ts'

/** Values of 4 or 8 bits; bytes hold two of 4 bits, the lower half first, along their last axis. */
function codesOf(call: OperatorCall, position: number, packedBits: number): { values: Float64Array; shape: readonly number[] } {
  const input = tensorInput(call, position)
  if (input.dtype !== 'u8' || packedBits === 8) return { values: numbersOf(call, input), shape: input.shape }
  const bytes = input.data as Uint8Array
  const perByte = 8 / packedBits
  const values = Float64Array.from(
    { length: bytes.length * perByte },
    (_, i) => (bytes[Math.floor(i / perByte)]! >> ((i % perByte) * packedBits)) & (2 ** packedBits - 1),
  )
  return { values, shape: [...input.shape.slice(0, -1), (input.shape.at(-1) ?? 1) * perByte] }
}

/** Rows of a table quantized block by block, gathered and turned back into numbers. */
const gatherBlockQuantized: Operator = {
  domain: 'com.microsoft',
  name: 'GatherBlockQuantized',
  run(call) {
    const { attributes } = call
    const [block, bits] = [attributes.int('block_size', 128), attributes.int('bits', 4)]
    if (block < 16 || (block & (block - 1)) !== 0 || (bits !== 2 && bits !== 4 && bits !== 8))
      throw new HenceError('GRAPH_INVALID', `${call.node}: ${bits} bits in blocks of ${block}`, { node: call.node, bits, block })
    const isPacked = tensorInput(call, 0).dtype === 'u8'
    const { values, shape } = codesOf(call, 0, bits)
    const [indices, scale] = [tensorInput(call, 1), tensorInput(call, 2)]
    const rank = shape.length
    const gatherAxis = normalizeAxis(call, attributes.int('gather_axis', 0), rank)
    const blockAxis = normalizeAxis(call, attributes.int('quantize_axis', 1), rank)
    const scaleShape = shape.map((size, axis) => (axis === blockAxis ? Math.ceil(size / block) : size))
    checkShape(scale.shape.join() === scaleShape.join(), call, `scales must be ${showShape(scaleShape)}, are ${showShape(scale.shape)}`)
    const scales = numbersOf(call, scale)
    const zeros = optionalTensor(call, 3) ? codesOf(call, 3, bits) : undefined
    const zeroStrides = zeros && stridesOf(zeros.shape)
    const zeroFits = !zeros || (zeros.shape.length === rank && zeros.shape.every((size, axis) => size >= scaleShape[axis]!))
    checkShape(zeroFits, call, `zero points ${showShape(zeros?.shape ?? [])} do not fit scales ${showShape(scaleShape)}`)
    const middle = isPacked ? 2 ** (bits - 1) : 0
    const rows = indicesInto(call, indices, shape[gatherAxis]!)
    const output = [...shape.slice(0, gatherAxis), ...indices.shape, ...shape.slice(gatherAxis + 1)]
    const y = workNumbers(call, checkedCount(call, output))
    const [strides, scaleStrides] = [stridesOf(shape), stridesOf(scaleShape)]
    const picked = [...shape.slice(0, gatherAxis), rows.length, ...shape.slice(gatherAxis + 1)]
    const steps = stridesOf(picked)
    for (let index = 0; index < y.length; index++) {
      let [read, scaleAt, zeroAt] = [0, 0, 0]
      for (let axis = 0, rest = index; axis < rank; axis++) {
        let at = Math.floor(rest / steps[axis]!)
        rest -= at * steps[axis]!
        if (axis === gatherAxis) at = rows[at]!
        read += at * strides[axis]!
        const blockAt = axis === blockAxis ? Math.floor(at / block) : at
        scaleAt += blockAt * scaleStrides[axis]!
        if (zeroStrides) zeroAt += blockAt * zeroStrides[axis]!
      }
      y[index] = (values[read]! - (zeros ? zeros.values[zeroAt]! : middle)) * scales[scaleAt]!
    }
    return [tensorFromNumbers(call, scale.dtype, output, y)]
  },
}

export const gatherBlockQuantizedOperators: readonly Operator[] = [gatherBlockQuantized]
