import { type GraphTensor, type Operator, type OperatorCall, tensorInput, unsupportedVariant } from '../../operator.ts'
import {
  broadcastShapes,
  broadcastStrides,
  cellsOf,
  checkSameType,
  forEachRow,
  isWide,
  mapPairs,
  numberView,
  outputTensor,
  stridesOf,
} from '../support/index.ts'

/** Values that `<` and `===` compare. */
type Ordered = number | bigint | string

/** An operator that compares two broadcast operands of one type. */
function comparison(name: string, holds: (a: Ordered, b: Ordered) => boolean): Operator {
  return {
    domain: '',
    name,
    run: call => {
      const [a, b] = [tensorInput(call, 0), tensorInput(call, 1)]
      checkSameType(call, a, b)
      const shape = broadcastShapes(call, a.shape, b.shape)
      const output = outputTensor(call, 'bool', shape)
      const left = orderedOf(call, a)
      const right = orderedOf(call, b)
      const strides = [broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape), stridesOf(shape)]
      forEachRow(shape, strides, (offsets, length, steps) => {
        let [i, j, write] = [offsets[0]!, offsets[1]!, offsets[2]!]
        for (const end = write + length; write < end; write++) {
          output.data[write] = holds(left[i]!, right[j]!) ? 1 : 0
          i += steps[0]!
          j += steps[1]!
        }
      })
      return [output]
    },
  }
}

function orderedOf(call: OperatorCall, input: GraphTensor): ArrayLike<Ordered> {
  return isWide(input) || input.dtype === 'string' ? (input.data as ArrayLike<Ordered>) : numberView(call, input)
}

/** An operator on the truth of two broadcast operands. */
function logical(name: string, number: (a: number, b: number) => number): Operator {
  return {
    domain: '',
    name,
    run: call => {
      const [a, b] = [tensorInput(call, 0), tensorInput(call, 1)]
      if (a.dtype !== 'bool') throw unsupportedVariant(call, `element type ${a.dtype}`)
      return [mapPairs(call, a, b, { number })]
    },
  }
}

const where: Operator = {
  domain: '',
  name: 'Where',
  run: call => {
    const [condition, x, y] = [tensorInput(call, 0), tensorInput(call, 1), tensorInput(call, 2)]
    if (condition.dtype !== 'bool') throw unsupportedVariant(call, `a condition of type ${condition.dtype}`)
    checkSameType(call, x, y)
    const shape = broadcastShapes(call, condition.shape, x.shape, y.shape)
    const output = outputTensor(call, x.dtype, shape)
    const { data: target, lanes } = cellsOf(output)
    const write = target as { [index: number]: unknown }
    const [whenTrue, whenFalse] = [cellsOf(x).data, cellsOf(y).data]
    const truth = condition.data as Uint8Array
    const scaled = (strides: readonly number[]): number[] => [...strides.map(stride => stride * lanes), 1]
    const strides = [
      [...broadcastStrides(condition.shape, shape), 0],
      scaled(broadcastStrides(x.shape, shape)),
      scaled(broadcastStrides(y.shape, shape)),
      scaled(stridesOf(shape)),
    ]
    forEachRow([...shape, lanes], strides, (offsets, length, steps) => {
      for (let index = 0; index < length; index++) {
        const chosen = truth[offsets[0]! + index * steps[0]!] !== 0
        write[offsets[3]! + index] = chosen ? whenTrue[offsets[1]! + index * steps[1]!] : whenFalse[offsets[2]! + index * steps[2]!]
      }
    })
    return [output]
  },
}

/** Comparisons, logic and choice. */
export const comparisons: readonly Operator[] = [
  comparison('Equal', (a, b) => a === b),
  comparison('Greater', (a, b) => a > b),
  comparison('GreaterOrEqual', (a, b) => a >= b),
  comparison('Less', (a, b) => a < b),
  comparison('LessOrEqual', (a, b) => a <= b),
  logical('And', (a, b) => a & b),
  logical('Or', (a, b) => a | b),
  logical('Xor', (a, b) => a ^ b),
  where,
]
