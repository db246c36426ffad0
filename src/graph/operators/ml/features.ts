import { checkShape, type Operator, tensorInput } from '../../operator.ts'
import { cellsOf, copyCells, indicesInto, numbersOf, outputTensor, showShape } from '../support/index.ts'
import { checkGraph } from '../support/values.ts'
import { featureShape } from './feature-rows.ts'

/** Chosen positions of the last axis; a vector becomes one row. */
const arrayFeatureExtractor: Operator = {
  domain: 'ai.onnx.ml',
  name: 'ArrayFeatureExtractor',
  run: call => {
    const input = tensorInput(call, 0)
    const columns = input.shape.at(-1)
    checkShape(columns !== undefined, call, 'features must have at least one axis')
    const picks = indicesInto(call, tensorInput(call, 1), columns, 'index')
    checkShape(picks.length > 0, call, 'there are no indices')
    const output = outputTensor(
      call,
      input.dtype,
      input.shape.length === 1 ? [1, picks.length] : [...input.shape.slice(0, -1), picks.length],
    )
    const [from, to] = [cellsOf(input), cellsOf(output)]
    const { lanes } = from
    const rows = columns === 0 ? 0 : from.data.length / lanes / columns
    for (let row = 0, write = 0; row < rows; row++)
      for (const pick of picks) {
        copyCells(from.data, (row * columns + pick) * lanes, to.data, write, lanes)
        write += lanes
      }
    return [output]
  },
}

/** Features of several operands side by side, each cut or filled with zeros to its stated width. */
const featureVectorizer: Operator = {
  domain: 'ai.onnx.ml',
  name: 'FeatureVectorizer',
  run: call => {
    const shapes = call.inputs.map((_, position) => featureShape(call, position))
    const widths = call.attributes.ints('inputdimensions', [])
    checkGraph(widths.length === shapes.length, call, `inputdimensions has ${widths.length} entries for ${shapes.length} inputs`)
    const rows = shapes[0]?.rows ?? 0
    for (const [at, shape] of shapes.entries())
      checkShape(shape.rows === rows, call, `inputs have ${rows} and ${shape.rows} rows: ${showShape(tensorInput(call, at).shape)}`)
    checkGraph(
      widths.every(width => width >= 0),
      call,
      'inputdimensions must not be negative',
    )
    const total = widths.reduce((sum, width) => sum + width, 0)
    const output = outputTensor(call, 'f32', [rows, total])
    let start = 0
    for (const [at, { columns }] of shapes.entries()) {
      const values = numbersOf(call, tensorInput(call, at))
      const width = Math.min(widths[at]!, columns)
      for (let row = 0; row < rows; row++) output.data.set(values.subarray(row * columns, row * columns + width), row * total + start)
      start += widths[at]!
    }
    return [output]
  },
}

/** Choosing and joining features. */
export const featureOperators: readonly Operator[] = [arrayFeatureExtractor, featureVectorizer]
