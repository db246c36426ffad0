import { checkShape, type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { normalizeTrailing } from '../normalization/index.ts'
import { checkedCount, indicesInto, integersOf, numbersOf, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

interface Table {
  readonly rows: number
  readonly size: number
  readonly values: Float64Array
}

function tableOf(call: OperatorCall, input: GraphTensor, what: string): Table {
  checkShape(input.shape.length === 2, call, `${what} must be a matrix, has the shape ${showShape(input.shape)}`)
  return { rows: input.shape[0]!, size: input.shape[1]!, values: numbersOf(call, input) }
}

/** The embeddings of BERT: word, position and segment added and normalized, and how many tokens of each sequence are not padding. */
const embedLayerNormalization: Operator = {
  domain: 'com.microsoft',
  name: 'EmbedLayerNormalization',
  run(call) {
    const ids = tensorInput(call, 0)
    const [segments, segmentTable] = [optionalTensor(call, 1), optionalTensor(call, 4)]
    const words = tableOf(call, tensorInput(call, 2), 'word_embedding')
    const positions = tableOf(call, tensorInput(call, 3), 'position_embedding')
    const dtype = tensorInput(call, 2).dtype
    checkShape(ids.shape.length === 2, call, `input_ids must be [batch, length], are ${showShape(ids.shape)}`)
    const [batch, length] = ids.shape as [number, number]
    const size = words.size
    const shape = [batch, length, size]
    const sums = workNumbers(call, checkedCount(call, shape))
    addRows(call, sums, words, indicesInto(call, ids, words.rows, 'input id'), size)
    const given = optionalTensor(call, 8)
    checkShape(given !== undefined || length <= positions.rows, call, `${length} positions of ${positions.rows}`)
    const rows = given ? indicesInto(call, given, positions.rows, 'position') : Array.from({ length }, (_, i) => i)
    addRows(call, sums, positions, rows, size)
    if (segments && segmentTable) {
      const table = tableOf(call, segmentTable, 'segment_embedding')
      addRows(call, sums, table, indicesInto(call, segments, table.rows, 'segment id'), size)
    }
    const total = call.outputCount > 2 ? tensorFromNumbers(call, dtype, shape, sums.slice()) : undefined
    const epsilon = call.attributes.float('epsilon', 1e-12)
    const { values } = normalizeTrailing(call, sums, shape, {
      axis: -1,
      epsilon,
      centered: true,
      scale: tensorInput(call, 5),
      bias: tensorInput(call, 6),
    })
    return [tensorFromNumbers(call, dtype, shape, values), countTokens(call, batch, length), total]
  },
}

/** Adds a row of a table to every token; fewer rows than tokens repeat. */
function addRows(call: OperatorCall, sums: Float64Array, table: Table, rows: readonly number[], size: number): void {
  const tokens = size === 0 ? 0 : sums.length / size
  checkShape(
    table.size === size && (tokens === 0 || (rows.length > 0 && tokens % rows.length === 0)),
    call,
    `${rows.length} rows of ${table.size} for ${tokens} tokens of ${size}`,
  )
  for (let token = 0; token < tokens; token++) {
    const read = rows[token % rows.length]! * size
    for (let i = 0; i < size; i++) sums[token * size + i]! += table.values[read + i]!
  }
}

function countTokens(call: OperatorCall, batch: number, length: number): GraphTensor {
  const mask = optionalTensor(call, 7)
  const counts = workNumbers(call, batch)
  if (mask) {
    const values = integersOf(call, mask, 'mask')
    checkShape(values.length === batch * length, call, `mask of ${values.length} entries for ${batch}×${length} tokens`)
    for (const [index, value] of values.entries()) if (value === 1) counts[Math.floor(index / length)]!++
  }
  return tensorFromNumbers(call, 'i32', [batch], counts)
}

export const embedNormalizationOperators: readonly Operator[] = [embedLayerNormalization]
