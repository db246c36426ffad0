import { expect, test } from 'vitest'
import { detailsOf, reportOf } from './load-report.ts'
import type { RequestRecord } from './run-load.ts'

const CONTEXT = {
  requests: 5,
  concurrency: undefined,
  rate: 2,
  burstiness: 1,
  date: '2026-01-02T03:04:05.000Z',
  backend: 'openai',
  model: 'm',
  levels: { ttft: 150, tpot: 20 },
}

function record(index: number, rest: Partial<RequestRecord>): RequestRecord {
  return {
    index,
    arrivedAt: 0,
    sentAt: 0,
    ttft: 100,
    itls: [],
    e2el: 100,
    promptTokens: 10,
    completionTokens: 1,
    isCounted: true,
    ...rest,
  }
}

const RECORDS = [
  // Good: 100 + 4 · 10 ms.
  record(1, { arrivedAt: 500, sentAt: 510, itls: [10, 10, 10, 10], e2el: 140, completionTokens: 5 }),
  // Too slow per token.
  record(0, { itls: [50, 50], e2el: 200, completionTokens: 3 }),
  // One token: no TPOT, which counts as 0.
  record(2, { arrivedAt: 640, sentAt: 640 }),
  // Too late a first token.
  record(3, { arrivedAt: 1_000, sentAt: 1_000, ttft: 151, e2el: 151 }),
  record(4, { arrivedAt: 1_500, sentAt: 1_500, ttft: undefined, e2el: 500, promptTokens: 0, completionTokens: 0, error: 'HTTP 429: busy' }),
]

test('a report has what its requests add up to', () => {
  const report = reportOf({ records: RECORDS, durationMs: 2_000, cancelled: 0 }, CONTEXT)
  expect(report).toMatchObject({
    date: CONTEXT.date,
    request_rate: 2,
    max_concurrency: null,
    duration: 2,
    completed: 4,
    failed: 1,
    total_input_tokens: 40,
    total_output_tokens: 10,
    request_throughput: 2,
    request_goodput: 1,
    output_throughput: 5,
    total_token_throughput: 25,
    // Six tokens after the first of their answers in 140 ms.
    output_throughput_per_user: 6_000 / 140,
    // Of the first two seconds: 5 + 3 + 1 pieces end before 1,000 ms, one after.
    max_output_tokens_per_s: 9,
    // One is sent at the moment another one ends.
    max_concurrent_requests: 1,
    mean_ttft_ms: (100 + 100 + 100 + 151) / 4,
    p50_ttft_ms: 100,
    mean_tpot_ms: 30,
    median_tpot_ms: 30,
    mean_itl_ms: 140 / 6,
    mean_e2el_ms: (140 + 200 + 100 + 151) / 4,
    mean_client_queue_ms: 2.5,
    failures: [{ reason: 'HTTP 429: busy', count: 1 }],
    has_usage: true,
  })
})

test('details come in the order of requests, in seconds', () => {
  expect(detailsOf({ records: RECORDS, durationMs: 2_000, cancelled: 0 })).toMatchObject({
    input_lens: [10, 10, 10, 10, 0],
    output_lens: [3, 5, 1, 1, 0],
    ttfts: [0.1, 0.1, 0.1, 0.151, 0],
    latencies: [0.2, 0.14, 0.1, 0.151, 0.5],
    start_times: [0, 0.51, 0.64, 1, 1.5],
    queue_times: [0, 0.01, 0, 0, 0],
    errors: ['', '', '', '', 'HTTP 429: busy'],
  })
})

test('without answers there are no times, and a closed loop has no rate', () => {
  const report = reportOf({ records: [], durationMs: 0, cancelled: 3 }, { ...CONTEXT, rate: undefined, concurrency: 8, levels: undefined })
  expect(report).toMatchObject({
    request_rate: null,
    max_concurrency: 8,
    completed: 0,
    cancelled: 3,
    request_throughput: 0,
    request_goodput: null,
    output_throughput_per_user: null,
    mean_ttft_ms: null,
    p99_e2el_ms: null,
    mean_client_queue_ms: null,
    max_concurrent_requests: 0,
  })
  expect(reportOf({ records: [], durationMs: 0, cancelled: 0 }, { ...CONTEXT, rate: Number.POSITIVE_INFINITY }).request_rate).toBe('inf')
})

test('reasons are counted, most frequent first, and there are not too many of them', () => {
  const records = Array.from({ length: 60 }, (_, i) => record(i, { error: i % 2 === 0 ? 'often' : `once ${i}` }))
  const { failures, completed } = reportOf({ records, durationMs: 1, cancelled: 0 }, CONTEXT)
  expect(completed).toBe(0)
  expect(failures[0]).toEqual({ reason: 'often', count: 30 })
  expect(failures.length).toBeLessThanOrEqual(21)
  expect(failures.reduce((sum, { count }) => sum + count, 0)).toBe(60)
})
