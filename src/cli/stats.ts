import type { GenerationResult } from '../core/index.ts'
import { formatMs, formatNumber, formatPlural } from './format.ts'
import { tableLines } from './table.ts'

const ENDS = { stop: 'the model ended it', length: 'it reached the most tokens allowed', aborted: 'it was stopped' } as const

/** Timings of an answer, one line each. */
export function answerStats(
  { usage, timings, finishReason, seed }: GenerationResult,
  { loadMs, backend }: { readonly loadMs: number; readonly backend: string | undefined },
): string[] {
  return tableLines([
    ['load', formatMs(loadMs) + (backend ? `, backend ${backend}` : '')],
    ['prompt', `${formatPlural(usage.promptTokens, 'token')}, ${formatNumber(timings.promptTokensPerSecond)} tokens/s`],
    ['answer', `${formatPlural(usage.completionTokens, 'token')}, ${formatNumber(timings.completionTokensPerSecond)} tokens/s`],
    ['first token', `after ${formatMs(timings.timeToFirstTokenMs)}`],
    ['end', `${ENDS[finishReason]}; seed ${seed}`],
  ])
}

/** Timings of an answer in one short line. */
export function answerSummary({ usage, timings, finishReason }: GenerationResult): string {
  const { completionTokens, promptTokens } = usage
  const speed = timings.completionTokensPerSecond > 0 ? ` · ${formatNumber(timings.completionTokensPerSecond)} tokens/s` : ''
  const first = ` · first after ${formatMs(timings.timeToFirstTokenMs)}`
  const end = finishReason === 'stop' ? '' : ` · ${finishReason === 'length' ? 'cut at the limit' : 'stopped'}`
  return `${formatPlural(completionTokens, 'token')}${speed}${first} · context ${promptTokens + completionTokens}${end}`
}
