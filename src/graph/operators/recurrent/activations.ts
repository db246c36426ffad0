import { HenceError } from '../../../core/index.ts'
import type { OperatorCall } from '../../operator.ts'

/** A function of one number. */
export type Activation = (x: number) => number

/** An activation with its parameters, of which `defaults` says how many there are. */
interface Family {
  readonly defaults: readonly number[]
  make(alpha: number, beta: number): Activation
}

const sigmoid: Activation = x => 1 / (1 + Math.exp(-x))

/** By lower-case name. */
const FAMILIES: Readonly<Record<string, Family>> = {
  relu: { defaults: [], make: () => x => Math.max(0, x) },
  tanh: { defaults: [], make: () => Math.tanh },
  sigmoid: { defaults: [], make: () => sigmoid },
  softsign: { defaults: [], make: () => x => x / (1 + Math.abs(x)) },
  softplus: { defaults: [], make: () => x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) },
  affine: { defaults: [1, 0], make: (alpha, beta) => x => alpha * x + beta },
  leakyrelu: { defaults: [0.01], make: alpha => x => (x >= 0 ? x : alpha * x) },
  thresholdedrelu: { defaults: [1], make: alpha => x => (x >= alpha ? x : 0) },
  scaledtanh: { defaults: [1, 1], make: (alpha, beta) => x => alpha * Math.tanh(beta * x) },
  hardsigmoid: { defaults: [0.2, 0.5], make: (alpha, beta) => x => Math.min(Math.max(alpha * x + beta, 0), 1) },
  elu: { defaults: [1], make: alpha => x => (x >= 0 ? x : alpha * Math.expm1(x)) },
}

/** An activation by its ONNX name. @throws HenceError `GRAPH_INVALID` for a name the specification lacks */
export function activationNamed(call: OperatorCall, name: string, alpha?: number, beta?: number): Activation {
  const family = FAMILIES[name.toLowerCase()]
  if (!family) throw new HenceError('GRAPH_INVALID', `${call.node}: activation ${name} is unknown`, { node: call.node, activation: name })
  return family.make(alpha ?? family.defaults[0] ?? 0, beta ?? family.defaults[1] ?? 0)
}

/**
 * The activations of a recurrent operator, `defaults.length` per direction. Values of activation_alpha and activation_beta
 * go, in order, to the functions that have such a parameter. Inputs are clipped where the attribute clip says so.
 */
export function readActivations(call: OperatorCall, directions: number, defaults: readonly string[]): Activation[] {
  const count = defaults.length * directions
  const names = call.attributes.strings(
    'activations',
    Array.from({ length: count }, (_, i) => defaults[i % defaults.length]!),
  )
  if (names.length !== count)
    throw new HenceError('GRAPH_INVALID', `${call.node}: ${count} activations are needed, ${names.length} are given`, {
      node: call.node,
      activations: names,
    })
  const alphas = [...call.attributes.floats('activation_alpha', [])]
  const betas = [...call.attributes.floats('activation_beta', [])]
  const clip = call.attributes.has('clip') ? call.attributes.float('clip') : 0
  return names.map(name => {
    const parameters = FAMILIES[name.toLowerCase()]?.defaults.length ?? 0
    const alpha = parameters > 0 ? alphas.shift() : undefined
    const activation = activationNamed(call, name, alpha, parameters > 1 ? betas.shift() : undefined)
    return clip > 0 ? x => activation(Math.min(Math.max(x, -clip), clip)) : activation
  })
}
