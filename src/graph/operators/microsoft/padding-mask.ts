import { checkShape, type GraphTensor, type OperatorCall } from '../../operator.ts'
import type { ScoreBias } from '../attention/index.ts'
import { integersOf, showShape, workNumbers } from '../support/index.ts'

/**
 * The integer masks of BERT-like operators as numbers to add to scores: `filter` where a key is padding.
 *
 * Of one axis: lengths, or ends then starts, or (3·batch + 2) lengths and offsets. Of two: key by key. Of three: for each
 * query. Of four: `batch × 1 × longest × longest`, of which the last queries count.
 *
 * @throws HenceError `SHAPE_MISMATCH`
 */
export function paddingBias(
  call: OperatorCall,
  mask: GraphTensor,
  batch: number,
  queries: number,
  keys: number,
  filter: number,
): ScoreBias {
  const values = integersOf(call, mask, 'mask')
  const { shape } = mask
  if (shape.length === 1) {
    const known = values.length === batch || values.length === 2 * batch || values.length === 3 * batch + 2
    checkShape(known, call, `a mask of ${values.length} lengths for ${batch} sequences`)
    const biases = workNumbers(call, batch * keys)
    for (let b = 0; b < batch; b++) {
      const start = values.length === 2 * batch ? values[batch + b]! : 0
      for (let key = 0; key < keys; key++) if (key < start || key >= values[b]!) biases[b * keys + key] = filter
    }
    return { values: biases, strides: [keys, 0, 0, 1], length: keys }
  }
  const biases = Float64Array.from(values, value => (value > 0 ? 0 : filter))
  if (shape.length === 2) {
    const fits = shape[0] === batch && shape[1] === keys
    checkShape(fits, call, `mask ${showShape(shape)} for ${batch} sequences of ${keys} keys`)
    return { values: biases, strides: [keys, 0, 0, 1], length: keys }
  }
  if (shape.length === 3) {
    const fits = shape[0] === batch && shape[1] === queries && shape[2] === keys
    checkShape(fits, call, `mask ${showShape(shape)} for ${batch} sequences of ${queries} queries and ${keys} keys`)
    return { values: biases, strides: [queries * keys, 0, keys, 1], length: keys }
  }
  const longest = shape[3] ?? 0
  const fits = shape.length === 4 && shape[0] === batch && shape[1] === 1 && shape[2] === longest && longest >= keys
  checkShape(fits, call, `mask ${showShape(shape)} for ${batch} sequences of ${keys} keys`)
  return { values: biases.subarray((keys - queries) * longest), strides: [longest * longest, 0, longest, 1], length: keys }
}
