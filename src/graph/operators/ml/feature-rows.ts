import { checkShape, type OperatorCall, tensorInput } from '../../operator.ts'
import { numbersOf, showShape } from '../support/index.ts'

/** A matrix of one example per row. */
export interface FeatureRows {
  readonly rows: number
  readonly columns: number
  /** `[rows, columns]` */
  readonly values: Float64Array<ArrayBuffer>
}

/** Rows and columns of an operand of features; a vector is one row. @throws HenceError `SHAPE_MISMATCH` for other ranks */
export function featureShape(call: OperatorCall, position = 0): { readonly rows: number; readonly columns: number } {
  const { shape } = tensorInput(call, position)
  checkShape(shape.length === 1 || shape.length === 2, call, `features must have the shape [C] or [N, C], have ${showShape(shape)}`, {
    shape,
  })
  return { rows: shape.length === 1 ? 1 : shape[0]!, columns: shape.at(-1)! }
}

/** An operand of features as numbers. @throws HenceError `SHAPE_MISMATCH`, `OPERATOR_UNSUPPORTED` for strings */
export function featureRows(call: OperatorCall, position = 0): FeatureRows {
  return { ...featureShape(call, position), values: numbersOf(call, tensorInput(call, position)) }
}
