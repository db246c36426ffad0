import { checkShape, type Operator, tensorInput, unsupportedVariant } from '../../operator.ts'
import { headsFirst, headsLast, headsTensor, rotaryTable, rotateHeads } from '../attention/index.ts'
import { indicesInto, integersOf, numbersOf, showShape } from '../support/index.ts'

/** Rotary positions: one start for all sequences, or a position per token. */
const rotaryEmbedding: Operator = {
  domain: 'com.microsoft',
  name: 'RotaryEmbedding',
  run(call) {
    const [x, positions, cos, sin] = [tensorInput(call, 0), tensorInput(call, 1), tensorInput(call, 2), tensorInput(call, 3)]
    const { attributes } = call
    if (attributes.int('is_packed_batching', 0) !== 0) throw unsupportedVariant(call, 'is_packed_batching')
    const rank = x.shape.length
    checkShape(rank === 3 || rank === 4, call, `input must have 3 or 4 axes, has the shape ${showShape(x.shape)}`)
    const rotated = attributes.int('rotary_embedding_dim', 0) || 2 * (cos.shape.at(-1) ?? 0)
    const width = x.shape[2]!
    const heads = attributes.int('num_heads', 0) || width / rotated
    checkShape(
      rank === 4 || (Number.isInteger(heads) && heads > 0 && width % heads === 0),
      call,
      `${width} elements do not split into ${heads} heads`,
    )
    const data = numbersOf(call, x)
    const vectors =
      rank === 4
        ? headsFirst(data, x.shape[0]!, x.shape[1]!, x.shape[2]!, x.shape[3]!)
        : headsLast(data, x.shape[0]!, heads, x.shape[1]!, width / heads)
    const rows = cos.shape[0] ?? 0
    let row: (b: number, s: number) => number
    if (positions.data.length === 1) {
      const start = integersOf(call, positions, 'position_ids')[0]!
      checkShape(
        start >= 0 && start + vectors.length <= rows,
        call,
        `positions ${start} to ${start + vectors.length} in a cache of ${rows}`,
      )
      row = (_, s) => start + s
    } else {
      const own = indicesInto(call, positions, rows, 'position')
      checkShape(
        own.length === vectors.batch * vectors.length,
        call,
        `${own.length} positions for ${vectors.batch}×${vectors.length} tokens`,
      )
      row = (b, s) => own[b * vectors.length + s]!
    }
    rotateHeads(vectors, rotaryTable(call, cos, sin, vectors, rotated, row), attributes.int('interleaved', 0) !== 0)
    return [headsTensor(call, vectors, rank, x.dtype)]
  },
}

export const rotaryOperators: readonly Operator[] = [rotaryEmbedding]
