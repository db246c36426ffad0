import { checkShape, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { computeConvolution } from '../convolution/index.ts'
import { computeGemm, multiplyBatched, planGemm, planProduct } from '../linear/index.ts'
import { activationNamed } from '../recurrent/index.ts'
import { numbersOf, sameShape, showShape, stridesOf, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** The function the attribute `activation` names with its parameters; `undefined` without it. */
function fusedActivation(call: OperatorCall, parameters: readonly number[]): ((x: number) => number) | undefined {
  const name = call.attributes.string('activation', '')
  const [first, second] = parameters
  if (name === '') return undefined
  if (name !== 'Clip') return activationNamed(call, name, first, second)
  return x => Math.min(Math.max(x, first ?? Number.NEGATIVE_INFINITY), second ?? Number.POSITIVE_INFINITY)
}

function applyInPlace(values: Float64Array, f: ((x: number) => number) | undefined): void {
  if (f) for (let index = 0; index < values.length; index++) values[index] = f(values[index]!)
}

/** Convolution, plus a tensor of the result's shape, through an activation. */
const fusedConv: Operator = {
  domain: 'com.microsoft',
  name: 'FusedConv',
  run(call) {
    const x = tensorInput(call, 0)
    const { y, shape } = computeConvolution(call, x, tensorInput(call, 1), optionalTensor(call, 2))
    const sum = optionalTensor(call, 3)
    if (sum) {
      checkShape(sameShape(sum.shape, shape), call, `Z must be ${showShape(shape)}, is ${showShape(sum.shape)}`)
      const added = numbersOf(call, sum)
      for (let index = 0; index < y.length; index++) y[index]! += added[index]!
    }
    applyInPlace(y, fusedActivation(call, call.attributes.floats('activation_params', [])))
    return [tensorFromNumbers(call, x.dtype, shape, y)]
  },
}

const fusedGemm: Operator = {
  domain: 'com.microsoft',
  name: 'FusedGemm',
  run(call) {
    const [a, b] = [tensorInput(call, 0), tensorInput(call, 1)]
    const plan = planGemm(call, a, b)
    const y = computeGemm(call, plan, a, b, optionalTensor(call, 2))
    const parameters = ['activation_alpha', 'activation_beta'].flatMap(name =>
      call.attributes.has(name) ? [call.attributes.float(name)] : [],
    )
    applyInPlace(y, fusedActivation(call, parameters))
    return [tensorFromNumbers(call, a.dtype, [plan.m, plan.n], y)]
  },
}

/** alpha times the product of operands whose last two axes, or whose batch axes and the one before the last, may be exchanged. */
const fusedMatMul: Operator = {
  domain: 'com.microsoft',
  name: 'FusedMatMul',
  run(call) {
    const [a, b] = [tensorInput(call, 0), tensorInput(call, 1)]
    const left = rearranged(call, numbersOf(call, a), a.shape, 'A')
    const right = rearranged(call, numbersOf(call, b), b.shape, 'B')
    const plan = planProduct(call, left.shape, right.shape)
    const y = multiplyBatched(call, plan, left.values, right.values)
    const alpha = call.attributes.float('alpha', 1)
    if (alpha !== 1) for (let index = 0; index < y.length; index++) y[index]! *= alpha
    return [tensorFromNumbers(call, a.dtype, plan.shape, y)]
  },
}

/** An operand with its axes in the order matrices multiply in. */
function rearranged(
  call: OperatorCall,
  values: Float64Array,
  shape: readonly number[],
  side: 'A' | 'B',
): { values: Float64Array; shape: readonly number[] } {
  const rank = shape.length
  const swaps = call.attributes.int(`trans${side}`, 0) !== 0 && rank > 1
  const movesBatch = call.attributes.int(`transBatch${side}`, 0) !== 0 && rank > 2
  if (!swaps && !movesBatch) return { values, shape }
  // With batch axes moved the first axis is the one of rows (or columns): [rows, batch…, columns] becomes [batch…, rows, columns].
  const order = movesBatch ? [...shape.keys()].slice(1, -1).concat(0, rank - 1) : [...shape.keys()]
  if (swaps) order.push(...order.splice(-2).reverse())
  const strides = stridesOf(shape)
  const target = order.map(axis => shape[axis]!)
  const steps = order.map(axis => strides[axis]!)
  const moved = workNumbers(call, values.length)
  const position = new Array<number>(rank).fill(0)
  for (let index = 0, read = 0; index < moved.length; index++) {
    moved[index] = values[read]!
    for (let axis = rank - 1; axis >= 0; axis--) {
      read += steps[axis]!
      if (++position[axis]! < target[axis]!) break
      read -= steps[axis]! * target[axis]!
      position[axis] = 0
    }
  }
  return { values: moved, shape: target }
}

export const fusedProductOperators: readonly Operator[] = [fusedConv, fusedGemm, fusedMatMul]
