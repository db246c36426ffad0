import { elementCount } from '../../../core/index.ts'
import { checkShape, type Operator, tensorInput } from '../../operator.ts'
import { cellsOf, checkedCount, copyCells, normalizeAxis, numbersOf, outputTensor, scalarOf } from '../support/index.ts'

/** A new axis with one value at each index and another everywhere else. */
const oneHot: Operator = {
  domain: '',
  name: 'OneHot',
  run: call => {
    const [indices, values] = [tensorInput(call, 0), tensorInput(call, 2)]
    const depth = Math.trunc(scalarOf(call, tensorInput(call, 1), 'depth', 0))
    checkShape(depth >= 0, call, `depth ${depth} is negative`, { depth })
    checkShape(elementCount(values.shape) === 2, call, 'values must be the off value and the on value', { shape: values.shape })
    const axis = normalizeAxis(call, call.attributes.int('axis', -1), indices.shape.length + 1)
    const shape = indices.shape.toSpliced(axis, 0, depth)
    checkedCount(call, shape, values.dtype)
    const output = outputTensor(call, values.dtype, shape)
    const [from, to] = [cellsOf(values), cellsOf(output)]
    const { lanes } = from
    const count = elementCount(shape)
    for (let at = 0; at < count; at++) copyCells(from.data, 0, to.data, at * lanes, lanes)
    const inner = elementCount(indices.shape.slice(axis))
    const positions = numbersOf(call, indices)
    for (let at = 0; at < positions.length; at++) {
      const given = Math.trunc(positions[at]!)
      const position = given < 0 ? given + depth : given
      if (!(position >= 0 && position < depth)) continue
      const write = (Math.floor(at / inner) * depth + position) * inner + (at % inner)
      copyCells(from.data, lanes, to.data, write * lanes, lanes)
    }
    return [output]
  },
}

/** Indices as vectors. */
export const oneHots: readonly Operator[] = [oneHot]
