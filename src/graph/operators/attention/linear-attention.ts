import { HenceError } from '../../../core/index.ts'
import { checkShape, type Operator, optionalTensor, tensorInput } from '../../operator.ts'
import { numbersOf, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'
import { checkGroups } from './attend.ts'
import { emptyHeads, headsOf, headsTensor } from './heads.ts'

const RULES: readonly string[] = ['linear', 'gated', 'delta', 'gated_delta']

/** Attention by a recurrent state of `keySize × valueSize` per head, decayed and corrected as update_rule says. */
const linearAttention: Operator = {
  domain: '',
  name: 'LinearAttention',
  run(call) {
    const { attributes } = call
    const rule = attributes.string('update_rule', 'gated_delta')
    if (!RULES.includes(rule)) throw new HenceError('GRAPH_INVALID', `${call.node}: update_rule is ${rule}`, { node: call.node, rule })
    const [queryHeads, keyHeads] = [attributes.int('q_num_heads'), attributes.int('kv_num_heads')]
    const group = checkGroups(call, queryHeads, keyHeads)
    const query = tensorInput(call, 0)
    const q = headsOf(call, query, queryHeads, 'query')
    const k = headsOf(call, tensorInput(call, 1), keyHeads, 'key')
    const v = headsOf(call, tensorInput(call, 2), keyHeads, 'value')
    const fits = q.size === k.size && k.length === q.length && v.length === q.length && k.batch === q.batch && v.batch === q.batch
    checkShape(
      fits,
      call,
      `query, key and value of ${q.length}, ${k.length} and ${v.length} steps of ${q.size}, ${k.size} and ${v.size} do not fit`,
    )
    const past = optionalTensor(call, 3)
    const stateShape = [q.batch, keyHeads, k.size, v.size]
    checkShape(
      !past || past.shape.join() === stateShape.join(),
      call,
      `past_state must be ${showShape(stateShape)}, is ${showShape(past?.shape ?? [])}`,
    )
    const state = past ? numbersOf(call, past) : workNumbers(call, q.batch * keyHeads * k.size * v.size)
    const [gated, delta] = [rule.startsWith('gated'), rule.endsWith('delta')]
    const decay = gated ? numbersOf(call, tensorInput(call, 4)) : undefined
    const beta = delta ? numbersOf(call, tensorInput(call, 5)) : undefined
    const steps = q.batch * q.length
    const decayWidth = decay ? decay.length / steps : 0
    const betaWidth = beta ? beta.length / steps : 0
    checkShape(!decay || decayWidth === keyHeads || decayWidth === keyHeads * k.size, call, `decay has ${decayWidth} entries per step`)
    checkShape(!beta || betaWidth === keyHeads || betaWidth === 1, call, `beta has ${betaWidth} entries per step`)
    const given = attributes.float('scale', 0)
    const scale = given === 0 ? 1 / Math.sqrt(q.size) : given
    const output = emptyHeads(call, 3, q.batch, queryHeads, q.length, v.size)
    const correction = workNumbers(call, v.size)
    for (let b = 0; b < q.batch; b++)
      for (let h = 0; h < keyHeads; h++) {
        const own = state.subarray((b * keyHeads + h) * k.size * v.size, (b * keyHeads + h + 1) * k.size * v.size)
        for (let t = 0; t < q.length; t++) {
          const step = b * q.length + t
          if (decay)
            for (let i = 0; i < k.size; i++) {
              const factor = Math.exp(decay[step * decayWidth + (decayWidth === keyHeads ? h : h * k.size + i)]!)
              for (let j = 0; j < v.size; j++) own[i * v.size + j]! *= factor
            }
          const keyAt = b * k.batchStride + h * k.headStride + t * k.rowStride
          const valueAt = b * v.batchStride + h * v.headStride + t * v.rowStride
          for (let j = 0; j < v.size; j++) correction[j] = v.data[valueAt + j]!
          if (beta) {
            const rate = beta[step * betaWidth + (betaWidth === 1 ? 0 : h)]!
            for (let i = 0; i < k.size; i++) for (let j = 0; j < v.size; j++) correction[j]! -= own[i * v.size + j]! * k.data[keyAt + i]!
            for (let j = 0; j < v.size; j++) correction[j]! *= rate
          }
          for (let i = 0; i < k.size; i++) for (let j = 0; j < v.size; j++) own[i * v.size + j]! += k.data[keyAt + i]! * correction[j]!
          for (let shared = h * group; shared < (h + 1) * group; shared++) {
            const queryAt = b * q.batchStride + shared * q.headStride + t * q.rowStride
            const write = b * output.batchStride + shared * output.headStride + t * output.rowStride
            for (let i = 0; i < k.size; i++)
              for (let j = 0; j < v.size; j++) output.data[write + j]! += scale * q.data[queryAt + i]! * own[i * v.size + j]!
          }
        }
      }
    return [headsTensor(call, output, 3, query.dtype), tensorFromNumbers(call, past?.dtype ?? query.dtype, stateShape, state)]
  },
}

export const linearAttentionOperators: readonly Operator[] = [linearAttention]
