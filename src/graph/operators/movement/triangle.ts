import { checkShape, type Operator, tensorInput, unsupportedVariant } from '../../operator.ts'
import { cloneTensor, elementTypeAttribute, integerInput, isWide, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** The part of each matrix above or below a diagonal; zeros elsewhere. */
const trilu: Operator = {
  domain: '',
  name: 'Trilu',
  run: call => {
    const input = tensorInput(call, 0)
    const { shape } = input
    checkShape(shape.length >= 2, call, `the input must hold matrices, has the shape ${showShape(shape)}`, { shape })
    if (input.dtype === 'string' || input.dtype === 'c64' || input.dtype === 'c128')
      throw unsupportedVariant(call, `element type ${input.dtype}`)
    const k = call.inputs[1] === undefined ? 0 : integerInput(call, 1, 'k')
    const isUpper = call.attributes.int('upper', 1) !== 0
    const [rows, columns] = [shape.at(-2)!, shape.at(-1)!]
    const output = cloneTensor(call, input)
    const data = output.data as Uint8Array
    const zero = (isWide(output) ? 0n : 0) as never
    for (let start = 0; start < data.length; start += columns) {
      const diagonal = ((start / columns) % rows) + k
      const [from, to] = isUpper ? [0, diagonal] : [diagonal + 1, columns]
      const first = Math.min(Math.max(from, 0), columns)
      data.fill(zero, start + first, start + Math.min(Math.max(to, first), columns))
    }
    return [output]
  },
}

/** Ones on a diagonal. */
const eyeLike: Operator = {
  domain: '',
  name: 'EyeLike',
  run: call => {
    const { shape, dtype } = tensorInput(call, 0)
    checkShape(shape.length === 2, call, `the input must be a matrix, has the shape ${showShape(shape)}`, { shape })
    const type = elementTypeAttribute(call, 'dtype', dtype)
    const k = call.attributes.int('k', 0)
    const [rows, columns] = [shape[0]!, shape[1]!]
    const values = workNumbers(call, rows * columns)
    for (let row = Math.max(0, -k); row < rows && row + k < columns; row++) values[row * columns + row + k] = 1
    return [tensorFromNumbers(call, type, shape, values)]
  },
}

/** Matrices by their diagonals. */
export const triangles: readonly Operator[] = [trilu, eyeLike]
