import { checkShape, type Operator, optionalTensor, tensorInput } from '../../operator.ts'
import { centeredNumbers, denseMatrix, multiplyAdd, quantizedTensor, transposed } from '../linear/index.ts'
import {
  broadcastStrides,
  checkedCount,
  checkStretches,
  numbersOf,
  scalarOf,
  showShape,
  tensorFromNumbers,
  workNumbers,
} from '../support/index.ts'

/** alpha · A' · B' + C on 8-bit operands; floats without a scale of the result. */
const qGemm: Operator = {
  domain: 'com.microsoft',
  name: 'QGemm',
  run(call) {
    const { attributes } = call
    const [a, b, c] = [tensorInput(call, 0), tensorInput(call, 3), optionalTensor(call, 6)]
    checkShape(
      a.shape.length === 2 && b.shape.length === 2,
      call,
      `operands must be matrices, are ${showShape(a.shape)} and ${showShape(b.shape)}`,
    )
    const [transA, transB] = [attributes.int('transA', 0) !== 0, attributes.int('transB', 0) !== 0]
    const [m, k] = transA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!]
    const [rows, n] = transB ? [b.shape[1]!, b.shape[0]!] : [b.shape[0]!, b.shape[1]!]
    checkShape(rows === k, call, `${k} columns of A meet ${rows} rows of B`, { a: a.shape, b: b.shape })
    const y = workNumbers(call, checkedCount(call, [m, n]))
    const left = denseMatrix(centeredNumbers(call, a, tensorInput(call, 2)), a.shape[1]!)
    const bZero = tensorInput(call, 5)
    const right = denseMatrix(centeredNumbers(call, b, bZero, transB ? -2 : -1), b.shape[1]!)
    multiplyAdd(denseMatrix(y, n), transA ? transposed(left) : left, transB ? transposed(right) : right, m, k, n)
    if (c) {
      checkStretches(call, c.shape, [m, n])
      const [rowStride, columnStride] = broadcastStrides(c.shape, [m, n])
      const added = numbersOf(call, c)
      for (let index = 0; index < y.length; index++) y[index]! += added[Math.floor(index / n) * rowStride! + (index % n) * columnStride!]!
    }
    const factor = attributes.float('alpha', 1) * scalarOf(call, tensorInput(call, 1), 'a_scale', 1)
    const scales = numbersOf(call, tensorInput(call, 4))
    checkShape(scales.length === 1 || scales.length === n, call, `${scales.length} scales for ${n} columns`)
    const yScale = optionalTensor(call, 7)
    const divisor = scalarOf(call, yScale, 'y_scale', 1)
    for (let index = 0; index < y.length; index++) y[index]! *= (factor * scales[scales.length === 1 ? 0 : index % n]!) / divisor
    if (!yScale) return [tensorFromNumbers(call, 'f32', [m, n], y)]
    const yZero = optionalTensor(call, 8)
    return [quantizedTensor(call, yZero?.dtype ?? a.dtype, [m, n], y, scalarOf(call, yZero, 'y_zero_point', 0))]
  },
}

export const qGemmOperators: readonly Operator[] = [qGemm]
