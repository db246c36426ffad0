import { type Operator, unsupportedVariant } from '../../operator.ts'

/** Derivatives of one value of the graph by others: known by name, not computed. */
const gradient: Operator = {
  domain: 'ai.onnx.preview.training',
  name: 'Gradient',
  run(call) {
    throw unsupportedVariant(call, `differentiating "${call.attributes.string('y')}"`)
  },
}

export const gradientOperators: readonly Operator[] = [gradient]
