import { HenceError } from '../../../core/index.ts'
import { checkShape, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { optionalIntegers, showShape, tensorFromNumbers } from '../support/index.ts'
import { attend, type ScoreStage, scoreBias } from './attend.ts'
import { emptyHeads, headsOf, headsTensor, joinPast } from './heads.ts'

const STAGES: readonly ScoreStage[] = ['product', 'capped', 'biased', 'probabilities']

/** Scaled dot-product attention with cache, masks, windows, shared heads. */
const attention: Operator = {
  domain: '',
  name: 'Attention',
  run(call) {
    const { attributes, version } = call
    const [queries, keys, values] = [tensorInput(call, 0), tensorInput(call, 1), tensorInput(call, 2)]
    const rank = queries.shape.length
    checkShape(
      keys.shape.length === rank && values.shape.length === rank,
      call,
      `Q ${showShape(queries.shape)}, K ${showShape(keys.shape)} and V ${showShape(values.shape)} differ in rank`,
    )
    const headCount = (name: string): number | undefined => (attributes.has(name) ? attributes.int(name) : undefined)
    const q = headsOf(call, queries, headCount('q_num_heads'), 'Q')
    const [pastKey, pastValue] = [optionalTensor(call, 4), optionalTensor(call, 5)]
    checkShape((pastKey === undefined) === (pastValue === undefined), call, 'past_key and past_value must be given together')
    const k = joinPast(call, pastKey, headsOf(call, keys, headCount('kv_num_heads'), 'K'), 'past_key')
    const v = joinPast(call, pastValue, headsOf(call, values, headCount('kv_num_heads'), 'V'), 'past_value')
    const mask = optionalTensor(call, 3)
    const target = [q.batch, q.heads, q.length, k.length]
    const output = emptyHeads(call, rank, q.batch, q.heads, q.length, v.size)
    const past = pastKey?.shape[2] ?? 0
    const scores = attend(call, q, k, v, output, {
      scale: attributes.float('scale', 1 / Math.sqrt(q.size)),
      softcap: attributes.float('softcap', 0),
      biases: mask ? [scoreBias(call, mask, target, version >= 24)] : undefined,
      visible: visibleKeys(call, q.batch, q.length, k.length, past),
      capture: call.outputCount > 3 ? STAGES[attributes.int('qk_matmul_output_mode', 0)] : undefined,
    })
    return [
      headsTensor(call, output, rank, queries.dtype),
      call.outputCount > 1 ? headsTensor(call, k, 4, keys.dtype) : undefined,
      call.outputCount > 2 ? headsTensor(call, v, 4, values.dtype) : undefined,
      scores && tensorFromNumbers(call, queries.dtype, target, scores),
    ]
  },
}

/** The keys each query sees by is_causal, the windows and nonpad_kv_seqlen. */
function visibleKeys(
  call: OperatorCall,
  batch: number,
  queries: number,
  keys: number,
  past: number,
): ((batch: number, query: number) => readonly [number, number]) | undefined {
  const { attributes } = call
  const isCausal = attributes.int('is_causal', 0) !== 0
  const [left, right] = [attributes.int('left_window_size', -1), attributes.int('right_window_size', -1)]
  if (left < -1 || right < -1)
    throw new HenceError('GRAPH_INVALID', `${call.node}: windows of ${left} and ${right}`, { node: call.node, left, right })
  const lengths = optionalIntegers(call, 6, 'nonpad_kv_seqlen')
  checkShape(!lengths || lengths.length === batch, call, `nonpad_kv_seqlen has ${lengths?.length} entries for ${batch} sequences`)
  if (!isCausal && left < 0 && right < 0 && !lengths) return undefined
  return (b, query) => {
    // Without a cache of its own, the queries are the last of the valid keys.
    const at = query + (past === 0 && lengths ? lengths[b]! - queries : past)
    const first = left < 0 ? 0 : Math.max(0, at - left)
    let end = lengths ? Math.min(keys, lengths[b]!) : keys
    if (isCausal) end = Math.min(end, at + 1)
    if (right >= 0) end = Math.min(end, at + right + 1)
    return [first, end]
  }
}

export const attentionOperators: readonly Operator[] = [attention]
