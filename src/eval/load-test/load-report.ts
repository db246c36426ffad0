import { isGood, type ServiceLevels } from './goodput.ts'
import type { LoadOptions, LoadRun, RequestRecord } from './run-load.ts'
import { type Summary, summaryOf } from './statistics.ts'

/** Reasons of failures that are told apart. */
const MAX_REASONS = 20

type Metric = 'ttft' | 'tpot' | 'itl' | 'e2el'
type Times = { readonly [Key in `${keyof Summary}_${Metric}_ms`]: number | null }

/**
 * What a run measured, under the names of `vllm bench serve`; the ones it lacks are told. Times that nothing was measured of
 * are null.
 */
export interface LoadReport extends Times {
  /** When the run began, as ISO 8601. */
  readonly date: string
  readonly backend: string
  readonly model_id: string
  readonly num_prompts: number
  /** Requests per second, `inf`, or null for a closed loop. */
  readonly request_rate: number | 'inf' | null
  readonly burstiness: number | 'inf'
  readonly max_concurrency: number | null
  /** Seconds. */
  readonly duration: number
  readonly completed: number
  readonly failed: number
  /** Under way when the run was stopped; not in vLLM's set. */
  readonly cancelled: number
  readonly total_input_tokens: number
  readonly total_output_tokens: number
  /** Answers per second. */
  readonly request_throughput: number
  /** Answers per second that kept all limits; null where there are none. */
  readonly request_goodput: number | null
  /** Generated tokens per second of all users together. */
  readonly output_throughput: number
  readonly total_token_throughput: number
  /** Generated tokens after the first, by the time one user waits for them; not in vLLM's set. */
  readonly output_throughput_per_user: number | null
  /** Most pieces of answers within one second. */
  readonly max_output_tokens_per_s: number
  readonly max_concurrent_requests: number
  /** How late requests were sent, milliseconds; null for a closed loop. Not in vLLM's set. */
  readonly mean_client_queue_ms: number | null
  readonly p99_client_queue_ms: number | null
  /** Failures by what they were told as, most frequent first. */
  readonly failures: readonly { readonly reason: string; readonly count: number }[]
  /** False where the target told no token counts, so that pieces were counted instead. */
  readonly has_usage: boolean
}

/** What was measured of every request, under the names of `vllm bench serve`; times in seconds, as there. */
export interface LoadDetails {
  readonly input_lens: readonly number[]
  readonly output_lens: readonly number[]
  readonly ttfts: readonly number[]
  readonly itls: readonly (readonly number[])[]
  readonly latencies: readonly number[]
  readonly start_times: readonly number[]
  readonly queue_times: readonly number[]
  readonly errors: readonly string[]
}

/** How a run is told about. */
export interface ReportContext extends Pick<LoadOptions, 'requests' | 'concurrency' | 'rate' | 'burstiness'> {
  readonly date: string
  readonly backend: string
  readonly model: string
  readonly levels: ServiceLevels | undefined
}

/** Sums up a run. */
export function reportOf({ records, durationMs, cancelled }: LoadRun, context: ReportContext): LoadReport {
  const done = records.filter(({ error }) => error === undefined)
  const seconds = durationMs / 1_000
  const perSecond = (count: number): number => (seconds > 0 ? count / seconds : 0)
  const tpots = done.flatMap(tpotOf)
  const input = sum(done.map(({ promptTokens }) => promptTokens))
  const output = sum(done.map(({ completionTokens }) => completionTokens))
  const { levels, rate, burstiness } = context
  const late = summaryOf(rate === undefined ? [] : done.map(({ sentAt, arrivedAt }) => sentAt - arrivedAt))
  return {
    date: context.date,
    backend: context.backend,
    model_id: context.model,
    num_prompts: context.requests,
    request_rate: rate === undefined ? null : orInf(rate),
    burstiness: orInf(burstiness),
    max_concurrency: context.concurrency ?? null,
    duration: seconds,
    completed: done.length,
    failed: records.length - done.length,
    cancelled,
    total_input_tokens: input,
    total_output_tokens: output,
    request_throughput: perSecond(done.length),
    request_goodput: levels ? perSecond(done.filter(record => isGood(timesOf(record), levels)).length) : null,
    output_throughput: perSecond(output),
    total_token_throughput: perSecond(input + output),
    output_throughput_per_user: perUserOf(done),
    max_output_tokens_per_s: busiestSecond(done),
    max_concurrent_requests: mostAtOnce(done),
    ...timesNamed('ttft', summaryOf(done.flatMap(({ ttft }) => (ttft === undefined ? [] : [ttft])))),
    ...timesNamed('tpot', summaryOf(tpots)),
    ...timesNamed('itl', summaryOf(done.flatMap(({ itls }) => itls))),
    ...timesNamed('e2el', summaryOf(done.map(({ e2el }) => e2el))),
    mean_client_queue_ms: late.mean,
    p99_client_queue_ms: late.p99,
    failures: failuresOf(records),
    has_usage: done.every(({ isCounted }) => isCounted),
  }
}

/** Tells of every request in the order of their numbers. */
export function detailsOf({ records }: LoadRun): LoadDetails {
  const sorted = [...records].sort((a, b) => a.index - b.index)
  return {
    input_lens: sorted.map(({ promptTokens }) => promptTokens),
    output_lens: sorted.map(({ completionTokens }) => completionTokens),
    ttfts: sorted.map(({ ttft }) => (ttft ?? 0) / 1_000),
    itls: sorted.map(({ itls }) => itls.map(ms => ms / 1_000)),
    latencies: sorted.map(({ e2el }) => e2el / 1_000),
    start_times: sorted.map(({ sentAt }) => sentAt / 1_000),
    queue_times: sorted.map(({ sentAt, arrivedAt }) => (sentAt - arrivedAt) / 1_000),
    errors: sorted.map(({ error }) => error ?? ''),
  }
}

/** Time per token after the first; none for answers of one token. */
function tpotOf({ ttft, e2el, completionTokens }: RequestRecord): number[] {
  return ttft === undefined || completionTokens < 2 ? [] : [(e2el - ttft) / (completionTokens - 1)]
}

function perUserOf(done: readonly RequestRecord[]): number | null {
  const long = done.filter(record => tpotOf(record).length > 0)
  const ms = sum(long.map(({ e2el, ttft }) => e2el - ttft!))
  return ms > 0 ? (sum(long.map(({ completionTokens }) => completionTokens - 1)) * 1_000) / ms : null
}

/** What limits apply to; an answer of one token has 0 per further token. */
function timesOf(record: RequestRecord): { ttft: number; tpot: number; e2el: number } {
  return { ttft: record.ttft ?? record.e2el, tpot: tpotOf(record)[0] ?? 0, e2el: record.e2el }
}

function timesNamed(metric: Metric, summary: Summary): Times {
  return Object.fromEntries(Object.entries(summary).map(([name, ms]) => [`${name}_${metric}_ms`, ms])) as unknown as Times
}

function busiestSecond(records: readonly RequestRecord[]): number {
  const counts = new Map<number, number>()
  let most = 0
  for (const { arrivedAt, ttft, itls } of records) {
    if (ttft === undefined) continue
    let at = arrivedAt + ttft
    for (let i = 0; i <= itls.length; at += itls[i++]!) {
      const second = Math.floor(at / 1_000)
      const count = (counts.get(second) ?? 0) + 1
      counts.set(second, count)
      most = Math.max(most, count)
    }
  }
  return most
}

/** Ends come before beginnings of the same moment. */
function mostAtOnce(records: readonly RequestRecord[]): number {
  const changes = records.flatMap(({ arrivedAt, sentAt, e2el }) => [
    [sentAt, 1],
    [arrivedAt + e2el, -1],
  ])
  changes.sort(([at = 0, change = 0], [otherAt = 0, other = 0]) => at - otherAt || change - other)
  let now = 0
  return changes.reduce((most, [, change = 0]) => {
    now += change
    return Math.max(most, now)
  }, 0)
}

function failuresOf(records: readonly RequestRecord[]): { reason: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const { error } of records) {
    if (error === undefined) continue
    const reason = counts.has(error) || counts.size < MAX_REASONS ? error : 'other reasons'
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count)
}

function orInf(value: number): number | 'inf' {
  return value === Number.POSITIVE_INFINITY ? 'inf' : value
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
