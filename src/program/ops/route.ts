import { productDim } from '../dims.ts'
import { check, f32, i32, knownDim, type Op, operand } from '../op.ts'

export interface RouteAttributes {
  readonly expertsPerToken: number
  /** Weights are a softmax over all experts, divided by the sum of the chosen ones when `normalize` is set. */
  readonly normalize: boolean
}

/**
 * Sends each token to its best experts: logits `[T, E]` → rows `[T·k]` i32 (token of each pair, sorted by expert, tokens
 * ascending within one), weights `[T·k]` f32, groups `[E + 1]` i32 (first pair of each expert). Among equal logits the
 * lower expert wins. Source: Shazeer et al. 2017, Jiang et al. 2024 (Mixtral).
 */
export const route: Op<RouteAttributes> = {
  name: 'route',
  operands: ['logits'],
  infer([logits], { expertsPerToken }) {
    const [tokens, experts] = operand('route', 'logits', logits, 'f32', 2).shape
    const count = knownDim('route', 'experts', experts)
    check(expertsPerToken >= 1 && expertsPerToken <= count, 'route', `cannot choose ${expertsPerToken} of ${count} experts`)
    const pairs = productDim(tokens!, expertsPerToken)
    return [
      { dtype: 'i32', shape: [pairs] },
      { dtype: 'f32', shape: [pairs] },
      { dtype: 'i32', shape: [count + 1] },
    ]
  },
  run({ inputs: [input], outputs: [rows, weights, groups], attributes: { expertsPerToken, normalize } }) {
    const logits = f32(input)
    const [tokens, experts] = input!.shape as readonly [number, number]
    const pairs: { expert: number; token: number; weight: number }[] = []
    for (let token = 0; token < tokens; token++) {
      const row = logits.subarray(token * experts, (token + 1) * experts)
      const largest = row.reduce((a, b) => Math.max(a, b), -Infinity)
      const chosen = Array.from(row.keys())
        .sort((a, b) => row[b]! - row[a]! || a - b)
        .slice(0, expertsPerToken)
      const mass = (list: Iterable<number>): number => Array.from(list).reduce((sum, e) => sum + Math.exp(row[e]! - largest), 0)
      const total = mass(normalize ? chosen : row.keys())
      for (const expert of chosen) pairs.push({ expert, token, weight: Math.exp(row[expert]! - largest) / total })
    }
    pairs.sort((a, b) => a.expert - b.expert || a.token - b.token)
    i32(rows).set(pairs.map(pair => pair.token))
    f32(weights).set(pairs.map(pair => pair.weight))
    i32(groups).fill(0)
    for (const { expert } of pairs) i32(groups)[expert + 1]!++
    for (let e = 0; e < experts; e++) i32(groups)[e + 1]! += i32(groups)[e]!
  },
}
