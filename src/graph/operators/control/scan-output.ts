import type { ElementType } from '../../../core/index.ts'
import type { OnnxGraph } from '../../../formats/index.ts'
import type { GraphTensor, OperatorCall, Value } from '../../operator.ts'
import { normalizeAxis, outputTensor } from '../support/index.ts'
import { stackAlong } from '../support/parts.ts'
import { checkGraph, isTensor, kindOf } from '../support/values.ts'

/** What the iterations of a loop gave for one output, stacked along a new axis. */
export class ScanOutput {
  readonly #call: OperatorCall
  readonly #type: { readonly dtype: ElementType | undefined; readonly sizes: readonly number[] }
  readonly #elements: GraphTensor[] = []

  /** @param output - position among the body's outputs, whose type counts when there are no iterations */
  constructor(call: OperatorCall, body: OnnxGraph, output: number) {
    this.#call = call
    const type = body.outputs[output]?.type
    const tensor = type?.kind === 'tensor' ? type : undefined
    // A size the file leaves open is 0 here: nothing says more about an output that never came to be.
    this.#type = { dtype: tensor?.dtype, sizes: (tensor?.shape ?? []).map(size => (typeof size === 'number' ? size : 0)) }
  }

  push(value: Value | undefined): void {
    checkGraph(
      value !== undefined && isTensor(value),
      this.#call,
      `a scan output must be a tensor, is ${value ? kindOf(value) : 'missing'}`,
    )
    this.#elements.push(value)
  }

  /** Elements in order, or the other way round. Without iterations an empty tensor of the type the body states. */
  stacked(axis = 0, isReversed = false): GraphTensor {
    const call = this.#call
    const elements = isReversed ? this.#elements.toReversed() : this.#elements
    const rank = elements[0]?.shape.length ?? this.#type.sizes.length
    const at = normalizeAxis(call, axis, rank + 1)
    if (elements.length > 0) return stackAlong(call, elements, at)
    const { dtype, sizes } = this.#type
    checkGraph(dtype !== undefined, call, 'a scan output without iterations needs a type in the body')
    return outputTensor(call, dtype, sizes.toSpliced(at, 0, 0))
  }
}
