import { checkShape, type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { indicesInto, numbersOf, showShape } from '../support/index.ts'
import { type Heads, headsOf, headsTensor } from './heads.ts'

/** Cosines and sines per position: row r of `cos` and `sin`, `pairs` entries each. */
export interface RotaryTable {
  readonly cos: Float64Array
  readonly sin: Float64Array
  readonly pairs: number
  /** The row for a position of a sequence. */
  row(batch: number, position: number): number
}

/** Rotates pairs of the first `2 · pairs` elements of every vector in place: neighbours if interleaved, else half a span apart. */
export function rotateHeads(
  { data, offset, batch, heads, length, batchStride, headStride, rowStride }: Heads,
  table: RotaryTable,
  interleaved: boolean,
): void {
  const { cos, sin, pairs } = table
  const [step, partner] = interleaved ? [2, 1] : [1, pairs]
  for (let b = 0; b < batch; b++)
    for (let s = 0; s < length; s++) {
      const row = table.row(b, s) * pairs
      for (let h = 0; h < heads; h++) {
        const at = offset + b * batchStride + h * headStride + s * rowStride
        for (let pair = 0; pair < pairs; pair++) {
          const [first, second] = [at + pair * step, at + pair * step + partner]
          const [x, y] = [data[first]!, data[second]!]
          data[first] = cos[row + pair]! * x - sin[row + pair]! * y
          data[second] = sin[row + pair]! * x + cos[row + pair]! * y
        }
      }
    }
}

/** The caches of a rotary embedding for `heads`. @throws HenceError `SHAPE_MISMATCH` */
export function rotaryTable(
  call: OperatorCall,
  cosCache: GraphTensor,
  sinCache: GraphTensor,
  heads: Heads,
  rotated: number,
  row: RotaryTable['row'],
): RotaryTable {
  const pairs = cosCache.shape.at(-1) ?? 0
  const fits = pairs * 2 === rotated && rotated <= heads.size && cosCache.shape.join() === sinCache.shape.join()
  checkShape(
    fits,
    call,
    `caches ${showShape(cosCache.shape)} and ${showShape(sinCache.shape)} do not rotate ${rotated} of ${heads.size} elements`,
  )
  return { cos: numbersOf(call, cosCache), sin: numbersOf(call, sinCache), pairs, row }
}

const rotaryEmbedding: Operator = {
  domain: '',
  name: 'RotaryEmbedding',
  run(call) {
    const [x, cosCache, sinCache] = [tensorInput(call, 0), tensorInput(call, 1), tensorInput(call, 2)]
    const positions = optionalTensor(call, 3)
    const { attributes } = call
    const heads = headsOf(call, x, attributes.has('num_heads') ? attributes.int('num_heads') : undefined, 'X')
    const rotated = attributes.int('rotary_embedding_dim', 0) || heads.size
    let row = (b: number, s: number): number => b * heads.length + s
    if (positions) {
      const rows = indicesInto(call, positions, cosCache.shape[0] ?? 0, 'position')
      checkShape(
        rows.length === heads.batch * heads.length,
        call,
        `${rows.length} positions for ${heads.batch} sequences of ${heads.length}`,
      )
      row = (b, s) => rows[b * heads.length + s]!
    } else {
      const rows = cosCache.shape.slice(0, -1).reduce((a, b) => a * b, 1)
      checkShape(rows === heads.batch * heads.length, call, `caches of ${rows} rows for ${heads.batch} sequences of ${heads.length}`)
    }
    rotateHeads(heads, rotaryTable(call, cosCache, sinCache, heads, rotated, row), attributes.int('interleaved', 0) !== 0)
    return [headsTensor(call, heads, x.shape.length, x.dtype)]
  },
}

export const rotaryEmbeddingOperators: readonly Operator[] = [rotaryEmbedding]
