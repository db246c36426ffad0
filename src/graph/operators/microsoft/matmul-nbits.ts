import { HenceError } from '../../../core/index.ts'
import { checkShape, type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { denseMatrix, multiplyAdd, transposed } from '../linear/index.ts'
import { checkedCount, indicesInto, isFloat, numbersOf, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** Weights of 2 to 8 bits in blocks along the rows they are multiplied with. */
interface BlockedWeights {
  readonly k: number
  readonly n: number
  readonly bits: number
  readonly block: number
  readonly blocks: number
}

/** A product with weights quantized block by block. */
const matMulNBits: Operator = {
  domain: 'com.microsoft',
  name: 'MatMulNBits',
  run(call) {
    const [a, bias] = [tensorInput(call, 0), optionalTensor(call, 5)]
    const plan = readPlan(call)
    const { k, n } = plan
    checkShape(a.shape.at(-1) === k, call, `rows of ${a.shape.at(-1)} meet weights of K = ${k}`, { a: a.shape, k })
    const rows = a.shape.slice(0, -1).reduce((x, y) => x * y, 1)
    const shape = [...a.shape.slice(0, -1), n]
    const y = workNumbers(call, checkedCount(call, shape))
    const weights = unpackWeights(call, plan)
    multiplyAdd(denseMatrix(y, n), denseMatrix(numbersOf(call, a), k), transposed(denseMatrix(weights, k)), rows, k, n)
    if (bias) {
      const added = numbersOf(call, bias)
      checkShape(added.length === n, call, `bias of ${added.length} for ${n} columns`)
      for (let index = 0; index < y.length; index++) y[index]! += added[index % n]!
    }
    return [tensorFromNumbers(call, a.dtype, shape, y)]
  },
}

function readPlan(call: OperatorCall): BlockedWeights {
  const { attributes } = call
  const [k, n] = [attributes.int('K'), attributes.int('N')]
  const [bits, block] = [attributes.int('bits', 4), attributes.int('block_size')]
  const sane = k > 0 && n > 0 && bits >= 2 && bits <= 8 && block >= 16 && (block & (block - 1)) === 0
  if (!sane)
    throw new HenceError('GRAPH_INVALID', `${call.node}: K ${k}, N ${n}, ${bits} bits in blocks of ${block}`, {
      node: call.node,
      k,
      n,
      bits,
      block,
    })
  checkedCount(call, [n, k])
  return { k, n, bits, block, blocks: Math.ceil(k / block) }
}

/** The weights as numbers, n×k. */
function unpackWeights(call: OperatorCall, { k, n, bits, block, blocks }: BlockedWeights): Float64Array {
  const packed = tensorInput(call, 1)
  const bytes = packed.data as Uint8Array
  const blockBytes = Math.ceil((block * bits) / 8)
  checkShape(
    packed.dtype === 'u8' && bytes.length === n * blocks * blockBytes,
    call,
    `weights ${packed.dtype} ${showShape(packed.shape)} for ${n}×${blocks} blocks of ${blockBytes} bytes`,
  )
  const scales = numbersOf(call, tensorInput(call, 2))
  checkShape(scales.length === n * blocks, call, `${scales.length} scales for ${n}×${blocks} blocks`)
  const zeros = zeroPoints(call, optionalTensor(call, 3), n, blocks, bits)
  const order = optionalTensor(call, 4)
  // With g_idx, which block scales a row is given row by row.
  const groups = order && indicesInto(call, order, blocks, 'g_idx')
  checkShape(!groups || groups.length >= k, call, `g_idx has ${groups?.length} entries for ${k} rows`)
  const weights = workNumbers(call, n * k)
  for (let column = 0; column < n; column++)
    for (let row = 0; row < k; row++) {
      const own = Math.floor(row / block)
      const code = bitsAt(bytes, (column * blocks + own) * blockBytes * 8 + (row - own * block) * bits, bits)
      const scaled = column * blocks + (groups ? groups[row]! : own)
      weights[column * k + row] = (code - zeros[scaled]!) * scales[scaled]!
    }
  return weights
}

function zeroPoints(call: OperatorCall, input: GraphTensor | undefined, n: number, blocks: number, bits: number): Float64Array {
  if (!input) return new Float64Array(n * blocks).fill(2 ** (bits - 1))
  const values = numbersOf(call, input)
  if (isFloat(input.dtype)) {
    checkShape(values.length === n * blocks, call, `${values.length} zero points for ${n}×${blocks} blocks`)
    return values
  }
  const rowBytes = Math.ceil((blocks * bits) / 8)
  checkShape(
    input.dtype === 'u8' && values.length === n * rowBytes,
    call,
    `zero points ${showShape(input.shape)} for ${n} rows of ${rowBytes} bytes`,
  )
  const bytes = input.data as Uint8Array
  return Float64Array.from({ length: n * blocks }, (_, i) =>
    bitsAt(bytes, Math.floor(i / blocks) * rowBytes * 8 + (i % blocks) * bits, bits),
  )
}

/** A code of up to 8 bits, least significant bits first, from bit `at` on. */
function bitsAt(bytes: Uint8Array, at: number, bits: number): number {
  const first = Math.floor(at / 8)
  const pair = bytes[first]! | ((bytes[first + 1] ?? 0) << 8)
  return (pair >> (at - first * 8)) & (2 ** bits - 1)
}

export const matMulNBitsOperators: readonly Operator[] = [matMulNBits]
