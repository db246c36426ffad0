import { type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput, unsupportedVariant } from '../../operator.ts'
import {
  broadcastShapes,
  checkSameType,
  checkStretches,
  erf,
  integerBits,
  isFloat,
  isSignedInteger,
  isWide,
  mapElements,
  mapPairs,
  scalarOf,
  sigmoid,
  softplus,
  type UnaryFunction,
} from '../support/index.ts'

/** An activation whose function depends on the node's attributes. */
function activation(name: string, functionOf: (call: OperatorCall) => ((x: number) => number) | UnaryFunction): Operator {
  return {
    domain: '',
    name,
    run: call => {
      const f = functionOf(call)
      return [mapElements(call, tensorInput(call, 0), typeof f === 'function' ? { number: f } : f)]
    },
  }
}

// Defaults are the singles nearest to the constants of the specification.
const SELU_ALPHA = Math.fround(1.6732631921768188)
const SELU_GAMMA = Math.fround(1.0507010221481323)

function elu(call: OperatorCall): (x: number) => number {
  const alpha = call.attributes.float('alpha', 1)
  return x => (x < 0 ? alpha * Math.expm1(x) : x)
}

function selu(call: OperatorCall): (x: number) => number {
  const alpha = call.attributes.float('alpha', SELU_ALPHA)
  const gamma = call.attributes.float('gamma', SELU_GAMMA)
  return x => (x <= 0 ? gamma * alpha * Math.expm1(x) : gamma * x)
}

function celu(call: OperatorCall): (x: number) => number {
  const alpha = call.attributes.float('alpha', 1)
  return x => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha))
}

function leakyRelu(call: OperatorCall): (x: number) => number {
  const alpha = call.attributes.float('alpha', Math.fround(0.01))
  return x => (x < 0 ? alpha * x : x)
}

function thresholdedRelu(call: OperatorCall): (x: number) => number {
  const alpha = call.attributes.float('alpha', 1)
  return x => (x > alpha ? x : 0)
}

function hardSigmoid(call: OperatorCall): (x: number) => number {
  const alpha = call.attributes.float('alpha', Math.fround(0.2))
  const beta = call.attributes.float('beta', 0.5)
  return x => Math.max(0, Math.min(1, alpha * x + beta))
}

function gelu(call: OperatorCall): (x: number) => number {
  const approximate = call.attributes.string('approximate', 'none')
  if (approximate === 'none') return x => 0.5 * x * (1 + erf(x * Math.SQRT1_2))
  if (approximate !== 'tanh') throw unsupportedVariant(call, `approximate "${approximate}"`)
  const scale = Math.sqrt(2 / Math.PI)
  return x => 0.5 * x * (1 + Math.tanh(scale * (x + 0.044715 * x * x * x)))
}

function swish(call: OperatorCall): (x: number) => number {
  const alpha = call.attributes.float('alpha', 1)
  return x => x * sigmoid(alpha * x)
}

function shrink(call: OperatorCall): (x: number) => number {
  const lambd = call.attributes.float('lambd', 0.5)
  const bias = call.attributes.float('bias', 0)
  return x => (x < -lambd ? x + bias : x > lambd ? x - bias : 0)
}

const clip: Operator = {
  domain: '',
  name: 'Clip',
  run: call => {
    const input = tensorInput(call, 0)
    const [least, greatest] = call.version < 11 ? [undefined, undefined] : [optionalTensor(call, 1), optionalTensor(call, 2)]
    if (isWide(input)) return [mapElements(call, input, { number: x => x, wide: clampWide(call, least, greatest) })]
    const old = call.version < 11 ? call.attributes : undefined
    const min = old?.has('min') ? old.float('min') : scalarOf(call, least, 'min', Number.NEGATIVE_INFINITY)
    const max = old?.has('max') ? old.float('max') : scalarOf(call, greatest, 'max', Number.POSITIVE_INFINITY)
    return [mapElements(call, input, { number: x => Math.min(max, Math.max(min, x)) })]
  },
}

function clampWide(call: OperatorCall, least: GraphTensor | undefined, greatest: GraphTensor | undefined): (x: bigint) => bigint {
  const bound = (limit: GraphTensor | undefined, what: string): bigint | undefined => {
    if (!limit) return undefined
    scalarOf(call, limit, what, 0)
    if (!isWide(limit)) throw unsupportedVariant(call, `${what} of type ${limit.dtype}`)
    return limit.data[0]!
  }
  const min = bound(least, 'min')
  const max = bound(greatest, 'max')
  return x => {
    const raised = min !== undefined && x < min ? min : x
    return max !== undefined && raised > max ? max : raised
  }
}

const parametricRelu: Operator = {
  domain: '',
  name: 'PRelu',
  run: call => {
    const [x, slope] = [tensorInput(call, 0), tensorInput(call, 1)]
    checkStretches(call, slope.shape, x.shape)
    return [
      mapPairs(call, x, slope, {
        number: (value, factor) => (value < 0 ? value * factor : value),
        dword: (value, factor) => (value < 0 ? Math.imul(value, factor) : value),
        wide: (value, factor) => (value < 0n ? BigInt.asIntN(64, value * factor) : value),
      }),
    ]
  },
}

const swiglu: Operator = {
  domain: '',
  name: 'SwiGLU',
  run: call => {
    const [gate, linear] = [tensorInput(call, 0), tensorInput(call, 1)]
    checkSameType(call, gate, linear)
    broadcastShapes(call, gate.shape, linear.shape)
    const f = swish(call)
    return [mapPairs(call, gate, linear, { number: (a, b) => f(a) * b })]
  },
}

const relu: Operator = {
  domain: '',
  name: 'Relu',
  run: call => {
    const input = tensorInput(call, 0)
    if (!isFloat(input.dtype) && !isSignedInteger(input.dtype) && integerBits(input.dtype) === 0)
      throw unsupportedVariant(call, `element type ${input.dtype}`)
    return [mapElements(call, input, { number: x => Math.max(0, x), wide: x => (x < 0n ? 0n : x) })]
  },
}

/** Activation functions and clamps. */
export const activations: readonly Operator[] = [
  relu,
  activation('LeakyRelu', leakyRelu),
  activation('ThresholdedRelu', thresholdedRelu),
  activation('Elu', elu),
  activation('Selu', selu),
  activation('Celu', celu),
  activation('Sigmoid', () => sigmoid),
  activation('HardSigmoid', hardSigmoid),
  activation('HardSwish', () => x => x * Math.max(0, Math.min(1, x / 6 + 0.5))),
  activation('Softplus', () => softplus),
  activation('Softsign', () => x => x / (1 + Math.abs(x))),
  activation('Mish', () => x => x * Math.tanh(softplus(x))),
  activation('Gelu', gelu),
  activation('Swish', swish),
  activation('Shrink', shrink),
  clip,
  parametricRelu,
  swiglu,
]
