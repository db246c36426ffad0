import type { TokenLogprobs } from '../core/index.ts'
import { likeliest } from './candidates.ts'
import { argmax } from './sampler.ts'

/** How likely `token` is by logits `[vocabulary]`, and the `count` likeliest tokens. */
export function logprobsOf(logits: Float32Array, token: number, count: number): TokenLogprobs {
  const largest = logits[argmax(logits)]!
  let total = 0
  for (let id = 0; id < logits.length; id++) total += Math.exp(logits[id]! - largest)
  const normaliser = largest + Math.log(total)
  const top = count > 0 ? Array.from(likeliest(logits, count), id => ({ token: id, logprob: logits[id]! - normaliser })) : []
  return { token, logprob: logits[token]! - normaliser, top }
}
