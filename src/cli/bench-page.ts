import { escapeXml } from '../core/index.ts'
import type { LoadTarget } from '../eval/index.ts'
import { type BenchPoint, curveSvg } from './bench-curve.ts'
import { TIMES } from './bench-report.ts'
import { formatCount, formatNumber } from './format.ts'

const STYLE = `
body { font-family: system-ui, sans-serif; color: #1f2933; background: #ffffff; margin: 24px auto; max-width: 1100px; padding: 0 16px; }
svg { max-width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 8px 0 24px; }
th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid #e4e8ec; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
h2 { font-size: 1.05rem; margin: 28px 0 4px; }
pre { background: #f2f4f7; padding: 12px; overflow: auto; max-height: 480px; }
`

/** A page that needs nothing beside itself: the curve, all numbers, and the JSON they come from. */
export function benchPage(
  target: Pick<LoadTarget, 'model' | 'location'>,
  points: readonly BenchPoint[],
  document: Readonly<Record<string, unknown>>,
): string {
  const failures = points.flatMap(({ name, report }) => report.failures.map(({ reason, count }) => [name, formatCount(count), reason]))
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(target.model)} under load</title>
<style>${STYLE}</style>
${curveSvg(target, points)}
<h2>Throughput</h2>
${table(
  THROUGHPUT.map(([name]) => name),
  points.map(point => THROUGHPUT.map(([, read]) => read(point))),
)}
${TIMES.map(
  ({ key, words, short }) =>
    `<h2>${short}: ${words}, milliseconds</h2>\n${table(
      ['load', ...COLUMNS],
      points.map(({ name, report }) => [name, ...COLUMNS.map(column => number(report[`${column}_${key}_ms`]))]),
    )}`,
).join('\n')}
${failures.length > 0 ? `<h2>Failures</h2>\n${table(['load', 'count', 'reason'], failures)}` : ''}
<details><summary>JSON</summary><pre>${jsonLines(document).map(escapeXml).join('\n')}</pre></details>
</html>
`
}

function jsonLines(document: unknown): string[] {
  return JSON.stringify(document, undefined, 2).split('\n')
}

const COLUMNS = ['mean', 'std', 'p50', 'p90', 'p95', 'p99'] as const

const THROUGHPUT: readonly (readonly [string, (point: BenchPoint) => string])[] = [
  ['load', ({ name }) => name],
  ['answered', ({ report }) => formatCount(report.completed)],
  ['failed', ({ report }) => formatCount(report.failed)],
  ['seconds', ({ report }) => formatNumber(report.duration)],
  ['answers/s', ({ report }) => formatNumber(report.request_throughput)],
  ['within limits/s', ({ report }) => number(report.request_goodput)],
  ['tokens in', ({ report }) => formatCount(report.total_input_tokens)],
  ['tokens out', ({ report }) => formatCount(report.total_output_tokens)],
  ['tokens/s out', ({ report }) => formatNumber(report.output_throughput)],
  ['each user', ({ report }) => number(report.output_throughput_per_user)],
  ['most at once', ({ report }) => formatCount(report.max_concurrent_requests)],
]

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map(cell => `<${tag}>${escapeXml(cell)}</${tag}>`).join('')}</tr>`
  return `<div class="wide"><table>\n${[line(head, 'th'), ...rows.map(cells => line(cells, 'td'))].join('\n')}\n</table></div>`
}

function number(value: number | null): string {
  return value === null ? '–' : formatNumber(value)
}
