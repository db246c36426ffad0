import type { LoadReport, LoadTarget } from '../eval/index.ts'
import type { BenchPoint } from './bench-curve.ts'
import { formatCount, formatNumber, formatPlural } from './format.ts'
import { tableLines } from './table.ts'
import { printable, type Style } from './terminal.ts'

/** The times of a report by what they are called: in words, and for short. */
export const TIMES = [
  { key: 'ttft', words: 'first token', short: 'TTFT' },
  { key: 'tpot', words: 'each further token', short: 'TPOT' },
  { key: 'itl', words: 'between pieces', short: 'ITL' },
  { key: 'e2el', words: 'whole answer', short: 'E2EL' },
] as const

/** `4 users`, `2 /s`, `2 /s, 8 at once`. */
export function pointName({ concurrency, rate }: { concurrency: number | undefined; rate: number | undefined }): string {
  if (rate === undefined) return formatPlural(concurrency ?? 1, 'user')
  const every = rate === Number.POSITIVE_INFINITY ? 'all at once' : `${rate}/s`
  return concurrency === undefined ? every : `${every}, at most ${concurrency} under way`
}

/** What was measured, for people: all of one point, or a row for each of several. */
export function reportLines(
  target: LoadTarget,
  notes: readonly string[],
  points: readonly BenchPoint[],
  { bold, dim }: Style,
  isCut: boolean,
): string[] {
  const [only] = points
  if (!only) return ['nothing was measured']
  const title = `${target.model}  ${target.location === target.model ? '' : target.location}`.trimEnd()
  return [
    bold(printable(title)),
    ...(points.length === 1 ? onePoint(only) : ['', ...sweepRows(points), dim(SWEEP_LEGEND)]),
    ...failureLines(points, bold),
    ...[...notes, ...cautions(points, isCut)].map(note => dim(`note: ${note}`)),
  ]
}

function onePoint({ name, report }: BenchPoint): string[] {
  const { output_throughput_per_user: perUser, request_goodput: good } = report
  const answered = `${formatPlural(report.completed, 'request')} answered, ${formatCount(report.failed)} failed`
  const facts = [
    ['load', name],
    ['requests', `${answered} in ${formatNumber(report.duration)} s`],
    ['tokens', `${formatCount(report.total_input_tokens)} in, ${formatCount(report.total_output_tokens)} out`],
    [
      'all users',
      `${formatNumber(report.output_throughput)} tokens/s out, ${formatNumber(report.total_token_throughput)} tokens/s in and out`,
    ],
    ['each user', perUser === null ? '–' : `${formatNumber(perUser)} tokens/s`],
    ['answers', `${formatNumber(report.request_throughput)} /s${good === null ? '' : `, ${formatNumber(good)} /s within the limits`}`],
    ['at once', `at most ${formatCount(report.max_concurrent_requests)}`],
  ]
  const columns = ['mean', 'std', 'p50', 'p90', 'p95', 'p99'] as const
  const rows = TIMES.map(({ key, words, short }) => [`${words} (${short})`, ...columns.map(column => ms(report[`${column}_${key}_ms`]))])
  return [...tableLines(facts), '', ...tableLines([['milliseconds', ...columns], ...rows], [1, 2, 3, 4, 5, 6])]
}

const SWEEP_LEGEND =
  'Times are milliseconds. TTFT: to the first token; TPOT: each further token; ITL: between pieces; E2EL: the whole answer.'

function sweepRows(points: readonly BenchPoint[]): string[] {
  const hasGoodput = points.some(({ report }) => report.request_goodput !== null)
  const head = ['load', 'answers/s', 'tokens/s', 'each user', 'TTFT p50', 'p99', 'TPOT p50', 'p99', 'ITL p99', 'E2EL p50', 'p99', 'failed']
  const rows = points.map(({ name, report }) => [
    name,
    formatNumber(report.request_throughput),
    formatNumber(report.output_throughput),
    report.output_throughput_per_user === null ? '–' : formatNumber(report.output_throughput_per_user),
    ...(['p50_ttft_ms', 'p99_ttft_ms', 'p50_tpot_ms', 'p99_tpot_ms', 'p99_itl_ms', 'p50_e2el_ms', 'p99_e2el_ms'] as const).map(key =>
      ms(report[key]),
    ),
    formatCount(report.failed),
    ...(hasGoodput ? [formatNumber(report.request_goodput ?? 0)] : []),
  ])
  const all = [[...head, ...(hasGoodput ? ['good/s'] : [])], ...rows]
  return tableLines(
    all,
    all[0]!.map((_, column) => column).filter(column => column > 0),
  )
}

function failureLines(points: readonly BenchPoint[], bold: (text: string) => string): string[] {
  const lines = points.flatMap(({ name, report }) =>
    report.failures.map(({ reason, count }) => `  ${points.length > 1 ? `${name}: ` : ''}${formatCount(count)} × ${printable(reason)}`),
  )
  return lines.length > 0 ? ['', bold('failures'), ...lines] : []
}

/** What makes numbers less than they seem. */
function cautions(points: readonly BenchPoint[], isCut: boolean): string[] {
  const late = points.filter(({ report }) => isLate(report))
  const cancelled = points.reduce((sum, { report }) => sum + report.cancelled, 0)
  return [
    ...(isCut ? [`stopped before the end; ${formatPlural(cancelled, 'request')} under way did not count`] : []),
    ...(points.some(({ report }) => !report.has_usage) ? ['the server told no token counts; pieces were counted instead'] : []),
    ...(late.some(({ report }) => report.max_concurrency !== null)
      ? ['requests waited for others under way to end, as --concurrency says; that counts as latency']
      : []),
    ...(late.some(({ report }) => report.max_concurrency === null)
      ? ['this machine was too busy to send requests in time; that counts as latency']
      : []),
  ]
}

/** Whether waiting to be sent is a part of the latency that matters. */
function isLate({ mean_client_queue_ms: late, mean_ttft_ms: first }: LoadReport): boolean {
  return late !== null && first !== null && late > 5 && late > 0.05 * first
}

function ms(value: number | null): string {
  return value === null ? '–' : formatNumber(value)
}
