import { type ElementType, HenceError } from '../../../core/index.ts'
import { onnxElementType } from '../../../formats/index.ts'
import type { OperatorCall } from '../../operator.ts'

/**
 * The element type an integer attribute names; `fallback` when the attribute is left out.
 *
 * @throws HenceError `OPERATOR_UNSUPPORTED` for a code that is no element type
 */
export function elementTypeAttribute(call: OperatorCall, name: string, fallback?: ElementType): ElementType {
  if (fallback !== undefined && !call.attributes.has(name)) return fallback
  const code = call.attributes.int(name)
  const dtype = onnxElementType(code)?.dtype
  if (dtype) return dtype
  throw new HenceError('OPERATOR_UNSUPPORTED', `${call.node}: attribute ${name} names the unknown element type ${code}`, {
    node: call.node,
    [name]: code,
  })
}
