import { checkShape, type Operator, tensorInput } from '../../operator.ts'
import { numbersOf, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** Determinants of the matrices in the last two axes. */
const determinant: Operator = {
  domain: '',
  name: 'Det',
  run: call => {
    const input = tensorInput(call, 0)
    const { shape } = input
    const size = shape.at(-1) ?? 0
    checkShape(shape.length >= 2 && shape.at(-2) === size, call, `matrices must be square, are ${showShape(shape)}`, { shape })
    const values = numbersOf(call, input)
    const batch = shape.slice(0, -2)
    const results = workNumbers(
      call,
      batch.reduce((count, length) => count * length, 1),
    )
    for (let index = 0; index < results.length; index++) {
      const first = index * size * size
      results[index] = eliminate(values.subarray(first, first + size * size), size)
    }
    return [tensorFromNumbers(call, input.dtype, batch, results)]
  },
}

/** Gaussian elimination with partial pivoting; destroys the matrix and returns its determinant. */
function eliminate(matrix: Float64Array, size: number): number {
  let product = 1
  for (let column = 0; column < size; column++) {
    let pivot = column
    for (let row = column + 1; row < size; row++)
      if (Math.abs(matrix[row * size + column]!) > Math.abs(matrix[pivot * size + column]!)) pivot = row
    const head = matrix[pivot * size + column]!
    if (head === 0) return 0
    if (pivot !== column) {
      product = -product
      for (let at = column; at < size; at++) {
        const swapped = matrix[pivot * size + at]!
        matrix[pivot * size + at] = matrix[column * size + at]!
        matrix[column * size + at] = swapped
      }
    }
    product *= head
    for (let row = column + 1; row < size; row++) {
      const factor = matrix[row * size + column]! / head
      for (let at = column + 1; at < size; at++) matrix[row * size + at]! -= factor * matrix[column * size + at]!
    }
  }
  return product
}

/** Linear algebra on single matrices. */
export const determinants: readonly Operator[] = [determinant]
