import type { MapExpression } from '../../program/index.ts'
import type { Attributes } from '../attributes.ts'
import { clamp } from './clamp.ts'
import type { Lowering } from './context.ts'
import { broadcast, isArithmetic } from './elementwise.ts'

type Build = (x: MapExpression) => MapExpression

const zero: MapExpression = { constant: 0 }

/** An attribute as the single that the definition reads. */
function parameter(attributes: Attributes, name: string, fallback: number): MapExpression {
  return { constant: Math.fround(attributes.float(name, fallback)) }
}

function swish(attributes: Attributes): Build {
  const alpha = attributes.float('alpha', 1)
  return x => (alpha === 1 ? ['silu', x] : ['mul', x, ['sigmoid', ['mul', { constant: alpha }, x]]])
}

/** Functions of one operand whose parameters are attributes. */
const PARAMETRIC: Readonly<Record<string, (attributes: Attributes) => Build>> = {
  Celu: attributes => {
    const alpha = parameter(attributes, 'alpha', 1)
    return x => ['add', ['max', x, zero], ['min', zero, ['mul', alpha, ['expm1', ['div', x, alpha]]]]]
  },
  Elu: attributes => {
    const alpha = parameter(attributes, 'alpha', 1)
    return x => ['where', ['less', x, zero], ['mul', alpha, ['expm1', x]], x]
  },
  Gelu: attributes => {
    const kind = attributes.string('approximate', 'none') === 'tanh' ? 'gelu_tanh' : 'gelu'
    return x => [kind, x]
  },
  HardSigmoid: attributes => {
    const [alpha, beta] = [parameter(attributes, 'alpha', 0.2), parameter(attributes, 'beta', 0.5)]
    return x => clamp(['add', ['mul', x, alpha], beta], 0, 1)
  },
  LeakyRelu: attributes => {
    const alpha = parameter(attributes, 'alpha', 0.01)
    return x => ['add', ['max', x, zero], ['mul', alpha, ['min', x, zero]]]
  },
  Selu: attributes => {
    const [alpha, gamma] = [parameter(attributes, 'alpha', 1.6732631921768188), parameter(attributes, 'gamma', 1.0507010221481323)]
    return x => ['mul', gamma, ['where', ['less', x, zero], ['mul', alpha, ['expm1', x]], x]]
  },
  Shrink: attributes => {
    const [lambd, bias] = [parameter(attributes, 'lambd', 0.5), parameter(attributes, 'bias', 0)]
    const inner = (x: MapExpression): MapExpression => ['where', ['greater', x, lambd], ['sub', x, bias], zero]
    return x => ['where', ['less', x, ['neg', lambd]], ['add', x, bias], inner(x)]
  },
  Swish: swish,
  ThresholdedRelu: attributes => {
    const alpha = parameter(attributes, 'alpha', 1)
    return x => ['where', ['greater', x, alpha], x, zero]
  },
}

function parametric(buildFor: (attributes: Attributes) => Build): Lowering {
  return context => {
    if (!isArithmetic(context, 0)) return false
    const build = buildFor(context.attributes)
    return context.defineMap([0], context.type(0)!.shape, ([x]) => build(x!))
  }
}

/** The slope stretches to the shape of x, never the other way. */
const parametricRelu: Lowering = context => {
  const [x, slope] = [context.type(0), context.type(1)]
  if (!x || !isArithmetic(context, 0) || !isArithmetic(context, 1) || slope?.dtype !== x.dtype) return false
  if (broadcast([x.shape, slope.shape])?.join() !== x.shape.join()) return false
  return context.defineMap([0, 1], x.shape, ([value, by]) => ['where', ['less', value!, zero], ['mul', value!, by!], value!])
}

const swiglu: Lowering = context => {
  const [gate, linear] = [context.type(0), context.type(1)]
  if (!gate || !isArithmetic(context, 0) || !isArithmetic(context, 1) || linear?.dtype !== gate.dtype) return false
  const shape = broadcast([gate.shape, linear.shape])
  const build = swish(context.attributes)
  return shape !== undefined && context.defineMap([0, 1], shape, ([a, b]) => ['mul', build(a!), b!])
}

/** Activations with parameters, by operator name. */
export const ACTIVATIONS: Readonly<Record<string, Lowering>> = {
  ...Object.fromEntries(Object.entries(PARAMETRIC).map(([op, buildFor]) => [op, parametric(buildFor)])),
  PRelu: parametricRelu,
  SwiGLU: swiglu,
}
