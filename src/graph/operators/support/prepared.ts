import type { Attributes } from '../../attributes.ts'
import type { OperatorCall } from '../../operator.ts'

/**
 * Work that depends on a node's attributes alone, done at the node's first call and kept as long as its attributes live.
 *
 * @param build - reads and checks the attributes of a call
 */
export function preparedOnce<T>(build: (call: OperatorCall) => T): (call: OperatorCall) => T {
  const forms = new WeakMap<Attributes, T>()
  return call => {
    const known = forms.get(call.attributes)
    if (known !== undefined) return known
    const form = build(call)
    forms.set(call.attributes, form)
    return form
  }
}
