import { HenceError } from '../../../core/index.ts'
import { type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import {
  checkedCount,
  checkSameType,
  forEachRow,
  isWide,
  numbersOf,
  stridesOf,
  tensorFromNumbers,
  wideTensor,
  workNumbers,
} from '../support/index.ts'
import { type EinsumEquation, parseEinsum } from './einsum-equation.ts'

/** Values with a label for each axis. */
interface Labelled<T> {
  readonly labels: readonly string[]
  readonly shape: readonly number[]
  readonly values: ArrayLike<T>
}

/** Sums of products over labelled axes, two operands at a time from the left. */
const einsum: Operator = {
  domain: '',
  name: 'Einsum',
  run: call => {
    const inputs = call.inputs.map((_, position) => tensorInput(call, position))
    const first = inputs[0]
    if (!first) throw new HenceError('GRAPH_INVALID', `${call.node}: it needs at least one input`, { node: call.node })
    checkSameType(call, ...inputs)
    const equation = parseEinsum(
      call,
      call.attributes.string('equation'),
      inputs.map(({ shape }) => shape),
    )
    const shape = equation.output.map(label => equation.sizes.get(label)!)
    const operand = <T>(input: GraphTensor, at: number, values: ArrayLike<T>): Labelled<T> => ({
      labels: equation.operands[at]!,
      shape: input.shape,
      values,
    })
    if (isWide(first)) {
      const operands = inputs.map((input, at) => operand(input, at, input.data as ArrayLike<bigint>))
      const sums = contractAll<bigint>(
        call,
        equation,
        operands,
        length => new BigInt64Array(length),
        (sum, a, b) => sum + a * b,
        1n,
      )
      const output = wideTensor(call, first.dtype, shape)
      for (let index = 0; index < output.data.length; index++) output.data[index] = sums[index]!
      return [output]
    }
    const operands = inputs.map((input, at) => operand(input, at, numbersOf(call, input)))
    const sums = contractAll<number>(
      call,
      equation,
      operands,
      length => workNumbers(call, length),
      (sum, a, b) => sum + a * b,
      1,
    )
    return [tensorFromNumbers(call, first.dtype, shape, sums as Float64Array<ArrayBuffer>)]
  },
}

/** Contracts operands from the left, keeping labels that the output or a later operand names. */
function contractAll<T>(
  call: OperatorCall,
  { operands: labels, output, sizes }: EinsumEquation,
  operands: readonly Labelled<T>[],
  allocate: (length: number) => { [index: number]: T; readonly length: number },
  fold: (sum: T, a: T, b: T) => T,
  one: T,
): ArrayLike<T> {
  const unit: Labelled<T> = { labels: [], shape: [], values: [one] }
  let folded = operands.length > 1 ? operands[0]! : unit
  const rest = operands.length > 1 ? operands.slice(1) : operands
  for (const [step, operand] of rest.entries()) {
    const isLast = step === rest.length - 1
    const later = new Set([...output, ...labels.slice(step + 2).flat()])
    const union = [...new Set([...folded.labels, ...operand.labels])]
    const kept = isLast ? output : union.filter(label => later.has(label))
    folded = contract(call, folded, operand, kept, sizes, allocate, fold)
  }
  return folded.values
}

/** Sums the products of two operands over the labels that are not kept. */
function contract<T>(
  call: OperatorCall,
  a: Labelled<T>,
  b: Labelled<T>,
  kept: readonly string[],
  sizes: ReadonlyMap<string, number>,
  allocate: (length: number) => { [index: number]: T; readonly length: number },
  fold: (sum: T, a: T, b: T) => T,
): Labelled<T> {
  const walked = [...new Set([...kept, ...a.labels, ...b.labels])]
  const shape = kept.map(label => sizes.get(label)!)
  const values = allocate(checkedCount(call, shape))
  const strides = [labelStrides(a, walked), labelStrides(b, walked), labelStrides({ labels: kept, shape, values }, walked)]
  forEachRow(
    walked.map(label => sizes.get(label)!),
    strides,
    (offsets, length, steps) => {
      let [left, right, write] = [offsets[0]!, offsets[1]!, offsets[2]!]
      for (let index = 0; index < length; index++) {
        values[write] = fold(values[write]!, a.values[left]!, b.values[right]!)
        left += steps[0]!
        right += steps[1]!
        write += steps[2]!
      }
    },
  )
  return { labels: kept, shape, values }
}

/** Strides along the walked labels: 0 for those an operand lacks or stretches, the diagonal's for those it repeats. */
function labelStrides({ labels, shape }: Labelled<unknown>, walked: readonly string[]): number[] {
  const own = stridesOf(shape)
  return walked.map(label =>
    labels.reduce((stride, other, axis) => (other === label && shape[axis] !== 1 ? stride + own[axis]! : stride), 0),
  )
}

/** Sums of products by equation. */
export const einsums: readonly Operator[] = [einsum]
