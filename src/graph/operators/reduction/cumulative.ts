import { type Operator, tensorInput } from '../../operator.ts'
import { integerInput, isWide, normalizeAxis, numbersOf, tensorFromNumbers, wideTensor } from '../support/index.ts'

interface Running {
  readonly start: number
  readonly number: (sum: number, x: number) => number
  readonly dword?: (sum: number, x: number) => number
  readonly wide: (sum: bigint, x: bigint) => bigint
}

/** A running fold along an axis. */
function cumulative(name: string, f: Running): Operator {
  return {
    domain: '',
    name,
    run: call => {
      const input = tensorInput(call, 0)
      const { shape, dtype } = input
      const axis = normalizeAxis(call, integerInput(call, 1, 'axis'), shape.length)
      const isExclusive = call.attributes.int('exclusive', 0) !== 0
      const isReverse = call.attributes.int('reverse', 0) !== 0
      const size = shape[axis]!
      const inner = shape.slice(axis + 1).reduce((count, length) => count * length, 1)
      const lanes = shape.reduce((count, length, at) => (at === axis ? count : count * length), 1)
      const run = <T>(from: { [index: number]: T }, to: { [index: number]: T }, start: T, fold: (sum: T, x: T) => T): void => {
        for (let lane = 0; lane < lanes; lane++) {
          const first = Math.floor(lane / inner) * size * inner + (lane % inner)
          let sum = start
          for (let index = 0; index < size; index++) {
            const at = first + (isReverse ? size - 1 - index : index) * inner
            const next = fold(sum, from[at]!)
            to[at] = isExclusive ? sum : next
            sum = next
          }
        }
      }
      if (isWide(input)) {
        const output = wideTensor(call, input.dtype, shape)
        run<bigint>(input.data, output.data, BigInt(f.start), f.wide)
        return [output]
      }
      const values = numbersOf(call, input)
      run(values, values, f.start, (dtype === 'i32' || dtype === 'u32' ? f.dword : undefined) ?? f.number)
      return [tensorFromNumbers(call, dtype, shape, values)]
    },
  }
}

/** Running sums and products. */
export const cumulatives: readonly Operator[] = [
  cumulative('CumSum', { start: 0, number: (sum, x) => sum + x, wide: (sum, x) => BigInt.asIntN(64, sum + x) }),
  cumulative('CumProd', {
    start: 1,
    number: (product, x) => product * x,
    dword: Math.imul,
    wide: (product, x) => BigInt.asIntN(64, product * x),
  }),
]
