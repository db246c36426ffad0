import { HenceError } from '../../../core/index.ts'
import { checkShape, type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import { numbersOf, sameShape, showShape, tensorFromNumbers } from '../support/index.ts'

/** One tensor under optimization: its values, its gradient and what the optimizer remembers of it. All are replaced in place. */
interface Slot {
  readonly x: Float64Array<ArrayBuffer>
  readonly gradient: Float64Array
  readonly memory: readonly Float64Array<ArrayBuffer>[]
}

/**
 * An optimizer of the preview training domain: inputs are rate, step count, then all tensors, all gradients and all memories;
 * outputs the new tensors and memories.
 *
 * @param memories - tensors remembered per optimized tensor
 */
function optimizer(
  name: string,
  memories: number,
  prepare: (call: OperatorCall, rate: number, step: number) => (slot: Slot) => void,
): Operator {
  return {
    domain: 'ai.onnx.preview.training',
    name,
    run(call) {
      const rest = call.inputs.slice(2).map((_, i) => tensorInput(call, i + 2))
      const kinds = 2 + memories
      const count = rest.length / kinds
      if (!Number.isInteger(count))
        throw new HenceError('GRAPH_INVALID', `${call.node}: ${rest.length} tensors are no multiple of ${kinds}`, {
          node: call.node,
          count: rest.length,
        })
      const rate = numbersOf(call, tensorInput(call, 0))[0]!
      const step = numbersOf(call, tensorInput(call, 1))[0]!
      const update = prepare(call, rate, step)
      const outputs: GraphTensor[][] = Array.from({ length: 1 + memories }, () => [])
      for (let index = 0; index < count; index++) {
        const own = Array.from({ length: kinds }, (_, kind) => rest[kind * count + index]!)
        const { shape, dtype } = own[0]!
        for (const tensor of own)
          checkShape(sameShape(tensor.shape, shape), call, `shapes ${showShape(shape)} and ${showShape(tensor.shape)} differ`)
        const [x, gradient, ...memory] = own.map(tensor => numbersOf(call, tensor))
        update({ x: x!, gradient: gradient!, memory })
        for (const [kind, values] of [x!, ...memory].entries()) outputs[kind]!.push(tensorFromNumbers(call, dtype, shape, values))
      }
      return outputs.flat()
    },
  }
}

/** Source: Duchi et al. 2011. */
const adagrad = optimizer('Adagrad', 1, ({ attributes }, rate, step) => {
  const norm = attributes.float('norm_coefficient', 0)
  const epsilon = attributes.float('epsilon', 1e-6)
  const r = rate / (1 + step * attributes.float('decay_factor', 0))
  return ({ x, gradient, memory: [h] }) => {
    for (let i = 0; i < x.length; i++) {
      const g = norm * x[i]! + gradient[i]!
      h![i]! += g * g
      x[i]! -= (r * g) / (Math.sqrt(h![i]!) + epsilon)
    }
  }
})

/** Source: Kingma and Ba 2015. */
const adam = optimizer('Adam', 2, ({ attributes }, rate, step) => {
  const [alpha, beta] = [attributes.float('alpha', 0.9), attributes.float('beta', 0.999)]
  const [norm, normPost] = [attributes.float('norm_coefficient', 0), attributes.float('norm_coefficient_post', 0)]
  const epsilon = attributes.float('epsilon', 1e-6)
  const r = step > 0 ? (rate * Math.sqrt(1 - beta ** step)) / (1 - alpha ** step) : rate
  return ({ x, gradient, memory: [v, h] }) => {
    for (let i = 0; i < x.length; i++) {
      const g = norm * x[i]! + gradient[i]!
      v![i] = alpha * v![i]! + (1 - alpha) * g
      h![i] = beta * h![i]! + (1 - beta) * g * g
      x[i] = (1 - normPost) * (x[i]! - (r * v![i]!) / (Math.sqrt(h![i]!) + epsilon))
    }
  }
})

const momentum = optimizer('Momentum', 1, (call, rate, step) => {
  const { attributes } = call
  const mode = attributes.string('mode')
  if (mode !== 'standard' && mode !== 'nesterov')
    throw new HenceError('GRAPH_INVALID', `${call.node}: mode is ${mode}`, { node: call.node, mode })
  const [alpha, norm] = [attributes.float('alpha'), attributes.float('norm_coefficient')]
  const beta = step > 0 ? attributes.float('beta') : 1
  return ({ x, gradient, memory: [v] }) => {
    for (let i = 0; i < x.length; i++) {
      const g = norm * x[i]! + gradient[i]!
      v![i] = alpha * v![i]! + beta * g
      x[i]! -= rate * (mode === 'nesterov' ? g + alpha * v![i]! : v![i]!)
    }
  }
})

export const optimizerOperators: readonly Operator[] = [adagrad, adam, momentum]
