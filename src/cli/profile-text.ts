import { formatBytes, formatCount, formatMs, formatNumber, formatOperations, formatPlural } from './format.ts'
import { speedLines } from './inspect-graph-text.ts'
import type { PredictedStep, ProfileReport } from './profile-report.ts'
import { section, tableLines } from './table.ts'

const MAX_OPERATIONS = 12

/**
 * A profile for people.
 *
 * @param top - steps to list, the slowest first; 0 lists all in the order in which they run
 */
export function profileSections(report: ProfileReport, top: number, bold: (text: string) => string): string[] {
  const heading =
    top === 0
      ? 'steps, in order'
      : `slowest ${formatPlural(Math.min(top, report.steps.length), 'step')} of ${formatCount(report.steps.length)}`
  return [
    section(bold('profile'), summaryLines(report)),
    section(bold('time by operation'), operationLines(report)),
    section(bold(heading), stepLines(report, top)),
  ]
}

function summaryLines(report: ProfileReport): string[] {
  const { runs, ms, fastestMs, slowestMs, arena, steps } = report
  const shapes = Object.entries(report.shapes).map(([name, shape]) => `${name} [${shape.join(', ')}]`)
  const operations = steps.reduce((sum, step) => sum + (step.operations ?? 0) * step.runs, 0)
  const rate = ms > 0 && operations > 0 ? `, ${formatOperations(operations)} at ${formatOperations((operations / ms) * 1000)}/s` : ''
  return tableLines([
    ['for', shapes.join(', ')],
    ['on', `${report.backend}, ${formatPlural(report.threads, 'thread')}`],
    ['one run', `${formatMs(ms)}, the median of ${formatPlural(runs, 'run')} (${formatMs(fastestMs)} to ${formatMs(slowestMs)})${rate}`],
    ...speedLines(report),
    ['arena', `${formatBytes(arena.plannedBytes)} planned, ${formatBytes(arena.usedBytes)} used`],
  ])
}

function operationLines({ operations }: ProfileReport): string[] {
  const shown = operations.slice(0, MAX_OPERATIONS)
  const rest = operations.slice(MAX_OPERATIONS)
  const row = (op: string, count: number, ms: number, share: number): string[] => [
    op,
    formatPlural(count, 'step'),
    `${formatNumber(ms)} ms`,
    percent(share),
  ]
  const sum = (value: (total: (typeof rest)[number]) => number): number => rest.reduce((all, total) => all + value(total), 0)
  return tableLines(
    [
      ...shown.map(({ op, steps, ms, share }) => row(op, steps, ms, share)),
      ...(rest.length > 0
        ? [
            row(
              'others',
              sum(total => total.steps),
              sum(total => total.ms),
              sum(total => total.share),
            ),
          ]
        : []),
    ],
    [1, 2, 3],
  )
}

function stepLines({ steps, speed }: ProfileReport, top: number): string[] {
  const chosen = top === 0 ? steps : [...steps].sort((a, b) => b.ms - a.ms).slice(0, top)
  const head = ['ms', 'share', ...(speed ? ['predicted'] : []), 'Gflop/s', 'GB/s', 'runs', 'op', 'name', 'shape']
  const rows = chosen.map(step => [
    step.ms.toFixed(3),
    percent(step.share),
    ...(speed ? [step.predictedMs === undefined ? '–' : step.predictedMs.toFixed(3)] : []),
    rate(step.operations, step),
    rate(step.bytes, step),
    formatCount(step.runs),
    step.kind === 'node' ? `${step.op} (TypeScript)` : step.op,
    (step.within === undefined ? '' : `${'· '.repeat(depthOf(step, steps))}`) + shorten(step.name),
    step.shape ? `[${step.shape.join(', ')}]` : '',
  ])
  const numbers = speed ? 6 : 5
  return tableLines(
    [head, ...rows],
    Array.from({ length: numbers }, (_, i) => i),
  )
}

function depthOf(step: PredictedStep, steps: readonly PredictedStep[]): number {
  return step.within === undefined ? 0 : 1 + depthOf(steps[step.within]!, steps)
}

/** Billions of something per second; a step too short to be timed has no rate. */
function rate(amount: number | undefined, { ms, runs }: PredictedStep): string {
  return amount === undefined || ms <= 0 ? '–' : formatNumber((amount * runs) / ms / 1e6)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function shorten(name: string): string {
  return name.length > 48 ? `…${name.slice(-47)}` : name
}
