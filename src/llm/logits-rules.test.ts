import { describe, expect, it } from 'vitest'
import expected from '../../test/references/seq2seq/expected.json' with { type: 'json' }
import {
  forcedToken,
  type LogitsRule,
  noEndBefore,
  noRepeatedRuns,
  noTokens,
  noWords,
  repetitionPenalty,
  timestampRule,
} from './logits-rules.ts'

/** Tokens a rule leaves of eight. */
function left(rule: LogitsRule, tokens: readonly number[]): number[] {
  const scores = new Float32Array(8)
  rule(scores, tokens)
  return [...scores.keys()].filter(token => scores[token]! > -Infinity)
}

describe('timestampRule', () => {
  it('lets through what the reference lets through', () => {
    const rule = timestampRule({ first: 64, none: 63, end: 50, begin: 2, mostInitial: 5 })
    for (const { seed, weight, begin, allowed } of expected.times) {
      const scores = Float32Array.from({ length: 120 }, (_, i) => 4 * Math.sin((seed + 1) * 12.9898 * (i + 1)) + (i >= 64 ? weight : 0))
      rule(scores, [51, 52, ...begin])
      const wanted = allowed.flatMap(([from, to]) => Array.from({ length: to! - from! }, (_, i) => from! + i))
      expect(
        [...scores.keys()].filter(i => scores[i]! > -Infinity),
        `seed ${seed}, ${weight}, [${begin}]`,
      ).toEqual(wanted)
    }
  })
})

describe('rules', () => {
  it('forbid, force and weigh', () => {
    expect(left(noRepeatedRuns(1), [1, 3])).toEqual([0, 2, 4, 5, 6, 7])
    expect(left(noRepeatedRuns(2), [1, 3, 1])).toEqual([0, 1, 2, 4, 5, 6, 7])
    expect(left(noRepeatedRuns(3), [1])).toHaveLength(8)
    expect(left(noWords([[2], [4, 5]]), [4])).toEqual([0, 1, 3, 4, 6, 7])
    expect(left(noWords([[4, 5]]), [])).toHaveLength(8)
    expect(left(noTokens([0, 7], 1), [3])).toEqual([1, 2, 3, 4, 5, 6])
    expect(left(noTokens([0, 7], 1), [3, 3])).toHaveLength(8)
    expect(left(noEndBefore(2, [6]), [1])).not.toContain(6)
    expect(left(noEndBefore(2, [6]), [1, 2])).toContain(6)
    expect(left(forcedToken(1, 6), [0])).toEqual([6])
    const scores = Float32Array.of(2, -2, 2)
    repetitionPenalty(2)(scores, [0, 1, 1])
    expect([...scores]).toEqual([1, -4, 2])
  })
})
