import { checkShape, type OperatorCall } from '../../operator.ts'
import { broadcastShapes, broadcastStrides, checkedCount, showShape, stridesOf, workNumbers } from '../support/index.ts'
import { denseMatrix, multiplyAdd } from './matrix.ts'

/** How the operands of a matrix product with leading batch axes line up. */
export interface ProductPlan {
  /** Shape of the result; vectors lose the axis that was added for them. */
  readonly shape: readonly number[]
  readonly m: number
  readonly k: number
  readonly n: number
  /** Leading axes after broadcasting. */
  readonly batch: readonly number[]
  /** Offset of each operand's matrix, by position in `batch`. */
  readonly aOffsets: Float64Array
  readonly bOffsets: Float64Array
}

/** Lines up the operands of a product as numpy.matmul does. @throws HenceError `SHAPE_MISMATCH` */
export function planProduct(call: OperatorCall, aShape: readonly number[], bShape: readonly number[]): ProductPlan {
  const facts = { a: aShape, b: bShape }
  checkShape(aShape.length > 0 && bShape.length > 0, call, 'a matrix product takes no scalars', facts)
  const a = aShape.length === 1 ? [1, ...aShape] : aShape
  const b = bShape.length === 1 ? [...bShape, 1] : bShape
  const [m, k] = [a.at(-2)!, a.at(-1)!]
  const n = b.at(-1)!
  checkShape(
    b.at(-2) === k,
    call,
    `cannot multiply ${showShape(aShape)} by ${showShape(bShape)}: ${k} columns meet ${b.at(-2)} rows`,
    facts,
  )
  const batch = broadcastShapes(call, a.slice(0, -2), b.slice(0, -2))
  const shape = [...batch, ...(aShape.length === 1 ? [] : [m]), ...(bShape.length === 1 ? [] : [n])]
  checkedCount(call, [...batch, m, n])
  return {
    shape,
    m,
    k,
    n,
    batch,
    aOffsets: batchOffsets(batch, a.slice(0, -2), m * k),
    bOffsets: batchOffsets(batch, b.slice(0, -2), k * n),
  }
}

/** Offset of each operand's matrix for every position of the broadcast batch axes. */
function batchOffsets(batch: readonly number[], own: readonly number[], matrixSize: number): Float64Array {
  const strides = broadcastStrides(own, batch)
  const steps = stridesOf(batch)
  const count = batch.reduce((product, size) => product * size, 1)
  const offsets = new Float64Array(count)
  for (let index = 0; index < count; index++) {
    let offset = 0
    for (let axis = 0; axis < batch.length; axis++) offset += (Math.floor(index / steps[axis]!) % batch[axis]!) * strides[axis]!
    offsets[index] = offset * matrixSize
  }
  return offsets
}

/** The products of all matrices of a plan, dense. */
export function multiplyBatched(call: OperatorCall, plan: ProductPlan, a: Float64Array, b: Float64Array): Float64Array<ArrayBuffer> {
  const { m, k, n, aOffsets, bOffsets } = plan
  const output = workNumbers(call, aOffsets.length * m * n)
  for (let index = 0; index < aOffsets.length; index++)
    multiplyAdd(denseMatrix(output, n, index * m * n), denseMatrix(a, k, aOffsets[index]!), denseMatrix(b, n, bOffsets[index]!), m, k, n)
  return output
}
