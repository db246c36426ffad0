import type { ElementType } from '../../../core/index.ts'
import { type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import {
  forEachRow,
  integerRange,
  isFloat,
  isWide,
  numbersOf,
  planReduction,
  type ReductionPlan,
  reducedAxes,
  stridesOf,
  tensorFromNumbers,
  type WideTensor,
  wideTensor,
  workNumbers,
} from '../support/index.ts'

/** A reduction in doubles: `start`, `fold` over the elements, `finish` of the result and the number of elements. */
interface NumberReduction {
  readonly start: number
  readonly fold: (sum: number, x: number) => number
  readonly finish?: (sum: number, count: number) => number
  /** `fold` for 32-bit integers, where doubles do not hold the results. */
  readonly dword?: (sum: number, x: number) => number
}

/** The same for 64-bit integers. */
interface WideReduction {
  readonly start: (isSigned: boolean) => bigint
  readonly fold: (sum: bigint, x: bigint) => bigint
  readonly finish?: (sum: bigint, count: bigint) => bigint
}

const MAX_I64 = 2n ** 63n - 1n
const add = (sum: bigint, x: bigint): bigint => sum + x

/** An operator that folds axes away; 64-bit integers go through doubles unless `wide` says how. */
function reduction(name: string, number: NumberReduction, wide?: WideReduction): Operator {
  return {
    domain: '',
    name,
    run: call => {
      const input = tensorInput(call, 0)
      const plan = planReduction(call, input.shape, reducedAxes(call), call.attributes.int('keepdims', 1) !== 0)
      if (isWide(input) && wide) return [reduceWide(call, input, plan, wide)]
      return [tensorFromNumbers(call, input.dtype, plan.shape, reduceNumbers(call, input, plan, number))]
    },
  }
}

/** A fold of doubles into doubles. */
function reduceNumbers(call: OperatorCall, input: GraphTensor, plan: ReductionPlan, f: NumberReduction): Float64Array<ArrayBuffer> {
  const values = numbersOf(call, input)
  const fold = (input.dtype === 'i32' || input.dtype === 'u32' ? f.dword : undefined) ?? f.fold
  const sums = workNumbers(call, plan.outputCount).fill(clampToType(f.start, input.dtype))
  forEachRow(input.shape, [stridesOf(input.shape), plan.strides], (offsets, length, steps) => {
    let [read, write] = [offsets[0]!, offsets[1]!]
    const step = steps[1]!
    for (const end = read + length; read < end; read++) {
      sums[write] = fold(sums[write]!, values[read]!)
      write += step
    }
  })
  if (f.finish) for (let index = 0; index < sums.length; index++) sums[index] = f.finish(sums[index]!, plan.count)
  return sums
}

/** What the maximum or minimum of nothing is: infinite, or the end of the type's range. */
function clampToType(start: number, dtype: ElementType): number {
  if (Number.isFinite(start) || isFloat(dtype)) return start
  if (dtype === 'bool') return start < 0 ? 0 : 1
  const [least, greatest] = integerRange(dtype)
  return start < 0 ? least : greatest
}

function reduceWide(call: OperatorCall, input: WideTensor, plan: ReductionPlan, f: WideReduction): GraphTensor {
  const output = wideTensor(call, input.dtype, plan.shape)
  const { data } = input
  const sums = output.data.fill(f.start(input.dtype === 'i64'))
  forEachRow(input.shape, [stridesOf(input.shape), plan.strides], (offsets, length, steps) => {
    let [read, write] = [offsets[0]!, offsets[1]!]
    const step = steps[1]!
    for (const end = read + length; read < end; read++) {
      sums[write] = f.fold(sums[write]!, data[read]!)
      write += step
    }
  })
  const count = BigInt(plan.count)
  if (f.finish) for (let index = 0; index < sums.length; index++) sums[index] = f.finish(sums[index]!, count)
  return output
}

/** log Σ eˣ around the greatest element, so that no power overflows. */
const logSumExp: Operator = {
  domain: '',
  name: 'ReduceLogSumExp',
  run: call => {
    const input = tensorInput(call, 0)
    const plan = planReduction(call, input.shape, reducedAxes(call), call.attributes.int('keepdims', 1) !== 0)
    const values = numbersOf(call, input)
    const greatest = workNumbers(call, plan.outputCount).fill(Number.NEGATIVE_INFINITY)
    const sums = workNumbers(call, plan.outputCount)
    const strides = [stridesOf(input.shape), plan.strides]
    forEachRow(input.shape, strides, (offsets, length, steps) => {
      for (let index = 0; index < length; index++) {
        const write = offsets[1]! + index * steps[1]!
        greatest[write] = Math.max(greatest[write]!, values[offsets[0]! + index]!)
      }
    })
    forEachRow(input.shape, strides, (offsets, length, steps) => {
      for (let index = 0; index < length; index++) {
        const write = offsets[1]! + index * steps[1]!
        const shift = greatest[write]!
        sums[write]! += Math.exp(values[offsets[0]! + index]! - (Number.isFinite(shift) ? shift : 0))
      }
    })
    for (let index = 0; index < sums.length; index++)
      sums[index] = Math.log(sums[index]!) + (Number.isFinite(greatest[index]!) ? greatest[index]! : 0)
    return [tensorFromNumbers(call, input.dtype, plan.shape, sums)]
  },
}

/** Reductions over axes. */
export const reductions: readonly Operator[] = [
  reduction('ReduceSum', { start: 0, fold: (sum, x) => sum + x }, { start: () => 0n, fold: add }),
  reduction(
    'ReduceMean',
    { start: 0, fold: (sum, x) => sum + x, finish: (sum, count) => sum / count },
    { start: () => 0n, fold: add, finish: (sum, count) => (count === 0n ? 0n : sum / count) },
  ),
  reduction(
    'ReduceMax',
    { start: Number.NEGATIVE_INFINITY, fold: Math.max },
    { start: isSigned => (isSigned ? -MAX_I64 - 1n : 0n), fold: (most, x) => (x > most ? x : most) },
  ),
  reduction(
    'ReduceMin',
    { start: Number.POSITIVE_INFINITY, fold: Math.min },
    { start: isSigned => (isSigned ? MAX_I64 : 2n * MAX_I64 + 1n), fold: (least, x) => (x < least ? x : least) },
  ),
  reduction(
    'ReduceProd',
    { start: 1, fold: (product, x) => product * x, dword: Math.imul },
    { start: () => 1n, fold: (product, x) => BigInt.asIntN(64, product * x) },
  ),
  reduction('ReduceL1', { start: 0, fold: (sum, x) => sum + Math.abs(x) }, { start: () => 0n, fold: (sum, x) => sum + (x < 0n ? -x : x) }),
  reduction('ReduceL2', { start: 0, fold: (sum, x) => sum + x * x, finish: Math.sqrt }),
  reduction(
    'ReduceSumSquare',
    { start: 0, fold: (sum, x) => sum + x * x },
    { start: () => 0n, fold: (sum, x) => BigInt.asIntN(64, sum + x * x) },
  ),
  reduction('ReduceLogSum', { start: 0, fold: (sum, x) => sum + x, finish: Math.log }),
  logSumExp,
]
