import type { OutputActivation } from '../../program/index.ts'
import type { Attributes } from '../attributes.ts'

/** The activation of a fused node: its name, with parameters beside it where it has some. */
export function fusedActivation(attributes: Attributes): OutputActivation {
  const name = attributes.string('activation', 'none')
  const [a, b] = attributes.floats('activation_parameters', [])
  if (name === 'clip') return { clip: [a!, b!] }
  if (name === 'leaky_relu') return { leaky_relu: a! }
  if (name === 'hard_sigmoid') return { hard_sigmoid: [a!, b!] }
  return name as OutputActivation
}
