import { checkShape, type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { denseMatrix, multiplyAdd } from '../linear/index.ts'
import { directionParts, type Projection, planSequence, runLstm } from '../recurrent/index.ts'
import { numbersOf, showShape, workNumbers } from '../support/index.ts'
import { quantizeDynamically } from './dynamic-quantize.ts'

/** An LSTM whose weights have 8 bits, one scale per direction or per column, and whose inputs are quantized as they come. */
const dynamicQuantizeLstm: Operator = {
  domain: 'com.microsoft',
  name: 'DynamicQuantizeLSTM',
  run(call) {
    const recurrence = tensorInput(call, 2)
    checkShape(recurrence.shape.length === 3, call, `R must have 3 axes, has the shape ${showShape(recurrence.shape)}`)
    const hidden = call.attributes.int('hidden_size', recurrence.shape[1]!)
    const plan = planSequence(call, tensorInput(call, 0), hidden, 4, optionalTensor(call, 4))
    const directions = plan.reversed.length
    return runLstm(call, {
      plan,
      inputWeights: projections(call, tensorInput(call, 1), [directions, plan.inputSize, 4 * hidden], 8),
      recurrence: projections(call, recurrence, [directions, hidden, 4 * hidden], 10),
      biases: directionParts(call, optionalTensor(call, 3), [directions, 8 * hidden], 'B'),
      initialHidden: optionalTensor(call, 5),
      initialCell: optionalTensor(call, 6),
      peepholes: optionalTensor(call, 7),
    })
  },
}

/** Products with the weights of each direction, `inputs × outputs`; the scale is the operand at `position`, the zero point the next. */
function projections(call: OperatorCall, weights: GraphTensor, shape: readonly [number, number, number], position: number): Projection[] {
  const [directions, inputs, outputs] = shape
  const columns = directionParts(call, weights, shape, 'weights')!
  const spread = (input: GraphTensor): Float64Array => {
    const values = numbersOf(call, input)
    const per = values.length / directions
    checkShape(per === 1 || per === outputs, call, `${showShape(input.shape)} scales or zero points for ${directions}×${outputs} columns`)
    return Float64Array.from({ length: directions * outputs }, (_, i) => values[per === 1 ? Math.floor(i / outputs) : i]!)
  }
  const [scales, zeros] = [spread(tensorInput(call, position)), spread(tensorInput(call, position + 1))]
  return columns.map((own, direction) => {
    for (let index = 0; index < own.length; index++) own[index]! -= zeros[direction * outputs + (index % outputs)]!
    return (rowsOf, rows, target) => {
      const codes = rowsOf.slice()
      const scale = quantizeDynamically(codes)
      const product = workNumbers(call, rows * outputs)
      multiplyAdd(denseMatrix(product, outputs), denseMatrix(codes, inputs), denseMatrix(own, outputs), rows, inputs, outputs)
      for (let index = 0; index < product.length; index++)
        target[index]! += product[index]! * scale * scales[direction * outputs + (index % outputs)]!
    }
  })
}

export const dynamicQuantizeLstmOperators: readonly Operator[] = [dynamicQuantizeLstm]
