import { HenceError } from '../../core/index.ts'
import { labelOf } from '../graph.ts'
import type { OperatorCall, OperatorHost } from '../operator.ts'
import type { LoweringContext } from './context.ts'

const refuse = (): never => {
  throw new HenceError('PROGRAM_INVALID', 'a node that is lowered runs nothing')
}

const NO_HOST: OperatorHost = { random: refuse, runGraph: refuse, maxLoopIterations: 0 }

/** A node as its operator sees it, with the operands that are known: for what definitions make of attributes and sizes. */
export function knownCall(context: LoweringContext): OperatorCall {
  const { node, attributes } = context
  return {
    node: labelOf(node),
    version: node.version,
    inputs: node.inputs.map((_, i) => context.known(i)),
    attributes,
    outputCount: node.outputs.length,
    host: NO_HOST,
  }
}
