import { checkShape, type GraphTensor, type OperatorCall } from '../../operator.ts'
import { denseMatrix, multiplyAdd, transposed } from '../linear/index.ts'
import { broadcastStrides, checkedCount, checkStretches, numbersOf, workNumbers } from '../support/index.ts'
import { type Heads, headMatrix } from './heads.ts'

/** Numbers added to the scores, broadcast over batch, head, query and key; keys beyond `length` are masked. */
export interface ScoreBias {
  readonly values: Float64Array
  readonly strides: readonly number[]
  readonly length: number
}

/** A stage of the scores that an output may show. */
export type ScoreStage = 'product' | 'capped' | 'biased' | 'probabilities'

/** Scaled dot-product attention over heads. */
export interface AttendOptions {
  readonly scale: number
  /** Scores become softcap · tanh(score / softcap) unless it is 0. */
  readonly softcap?: number | undefined
  readonly biases?: readonly ScoreBias[] | undefined
  /** The keys a query may see, from the first to before the second; all without it. */
  readonly visible?: ((batch: number, query: number) => readonly [first: number, end: number]) | undefined
  /** One more logit per query head, which takes probability but has no value. */
  readonly sinks?: Float64Array | undefined
  readonly capture?: ScoreStage | undefined
}

/** Which of `queryHeads` share a head of keys: neighbours. */
export function checkGroups(call: OperatorCall, queryHeads: number, keyHeads: number): number {
  checkShape(keyHeads > 0 && queryHeads % keyHeads === 0, call, `${queryHeads} query heads do not share ${keyHeads} key heads`, {
    queryHeads,
    keyHeads,
  })
  return queryHeads / keyHeads
}

/** Tells a mask from a bias: true lets a key take part, numbers are added. `shape` broadcasts to batch, heads, queries, keys. */
export function scoreBias(call: OperatorCall, mask: GraphTensor, target: readonly number[], padKeys: boolean): ScoreBias {
  const values = numbersOf(call, mask)
  if (mask.dtype === 'bool')
    for (let index = 0; index < values.length; index++) values[index] = values[index] === 0 ? Number.NEGATIVE_INFINITY : 0
  const keys = target[3]!
  const own = mask.shape.at(-1) ?? 1
  const length = (padKeys || own !== 1) && mask.shape.length > 0 ? own : keys
  const full = [...target.slice(0, 3), length === keys ? keys : own]
  checkShape(length <= keys, call, `mask of ${length} keys is longer than ${keys} keys`)
  checkStretches(call, mask.shape, full)
  return { values, strides: broadcastStrides(mask.shape, full), length }
}

/**
 * Writes softmax(scale · q·kᵀ + biases) · v to `target`, head by head. A query that sees no key gets zeros.
 *
 * @returns the captured scores, dense `batch × heads × queries × keys`
 * @throws HenceError `SHAPE_MISMATCH`
 */
export function attend(
  call: OperatorCall,
  q: Heads,
  k: Heads,
  v: Heads,
  target: Heads,
  options: AttendOptions,
): Float64Array<ArrayBuffer> | undefined {
  const fits = q.size === k.size && k.batch === q.batch && v.batch === q.batch && k.length === v.length && k.heads === v.heads
  checkShape(fits, call, `keys ${describe(k)} and values ${describe(v)} do not fit queries ${describe(q)}`)
  const group = checkGroups(call, q.heads, k.heads)
  const [queries, keys] = [q.length, k.length]
  const size = queries * keys
  checkedCount(call, [q.batch, q.heads, queries, keys])
  const captured = options.capture ? workNumbers(call, q.batch * q.heads * size) : undefined
  const scores = workNumbers(call, size)
  for (let batch = 0; batch < q.batch; batch++)
    for (let head = 0; head < q.heads; head++) {
      const shared = Math.floor(head / group)
      scores.fill(0)
      multiplyAdd(denseMatrix(scores, keys), headMatrix(q, batch, head), transposed(headMatrix(k, batch, shared)), queries, q.size, keys)
      const keep = (stage: ScoreStage): void => {
        if (options.capture === stage) captured!.set(scores, (batch * q.heads + head) * size)
      }
      for (let index = 0; index < size; index++) scores[index]! *= options.scale
      keep('product')
      if (options.softcap)
        for (let index = 0; index < size; index++) scores[index] = options.softcap * Math.tanh(scores[index]! / options.softcap)
      keep('capped')
      const masked = addBiases(scores, options, batch, head, queries, keys)
      keep('biased')
      for (let query = 0; query < queries; query++) {
        if (masked[query]) scores.fill(0, query * keys, (query + 1) * keys)
        else softmaxRow(scores, query * keys, keys, options.sinks?.[head])
      }
      keep('probabilities')
      multiplyAdd(headMatrix(target, batch, head), denseMatrix(scores, keys), headMatrix(v, batch, shared), queries, keys, v.size)
    }
  return captured
}

function describe({ batch, heads, length, size }: Heads): string {
  return `${batch}×${heads}×${length}×${size}`
}

/** Adds biases and masks what a query may not see; 1 for each query that sees no key. */
function addBiases(
  scores: Float64Array,
  { biases, visible }: AttendOptions,
  batch: number,
  head: number,
  queries: number,
  keys: number,
): Uint8Array {
  const masked = new Uint8Array(queries)
  for (let query = 0; query < queries; query++) {
    const [first, end] = visible?.(batch, query) ?? [0, keys]
    const row = query * keys
    let seen = 0
    for (let key = 0; key < keys; key++) {
      let bias = key >= first && key < end ? 0 : Number.NEGATIVE_INFINITY
      if (biases)
        for (const { values, strides, length } of biases)
          bias +=
            key < length
              ? values[batch * strides[0]! + head * strides[1]! + query * strides[2]! + key * strides[3]!]!
              : Number.NEGATIVE_INFINITY
      if (bias !== Number.NEGATIVE_INFINITY) seen++
      if (bias !== 0) scores[row + key]! += bias
    }
    masked[query] = seen === 0 ? 1 : 0
  }
  return masked
}

/** Softmax of a row in place; a row of −∞ only becomes zeros. */
export function softmaxRow(values: Float64Array, start: number, length: number, sink: number = Number.NEGATIVE_INFINITY): void {
  let greatest = sink
  for (let index = start; index < start + length; index++)
    if (values[index]! > greatest || Number.isNaN(values[index]!)) greatest = values[index]!
  if (greatest === Number.NEGATIVE_INFINITY) {
    values.fill(0, start, start + length)
    return
  }
  let sum = sink === Number.NEGATIVE_INFINITY ? 0 : Math.exp(sink - greatest)
  for (let index = start; index < start + length; index++) {
    const power = Math.exp(values[index]! - greatest)
    values[index] = power
    sum += power
  }
  for (let index = start; index < start + length; index++) values[index]! /= sum
}
