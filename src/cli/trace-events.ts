import type { ProfileReport } from './profile-report.ts'
import { layOut } from './profile-timeline.ts'

/** One complete event. Source: Trace Event Format of the Chromium project, phase X; times are microseconds. */
interface TraceEvent {
  readonly name: string
  readonly cat: string
  readonly ph: 'X' | 'M'
  readonly ts?: number
  readonly dur?: number
  readonly pid: number
  readonly tid: number
  readonly args: Readonly<Record<string, unknown>>
}

/** A profile as a Chrome trace: open it in Perfetto or in chrome://tracing. Steps follow each other with their median times. */
export function traceOf(
  source: string,
  report: ProfileReport,
): { readonly displayTimeUnit: 'ms'; readonly traceEvents: readonly TraceEvent[] } {
  const place = { pid: 1, tid: 1 }
  const { programs, steps } = layOut(report.steps)
  const event = (name: string, cat: string, startMs: number, ms: number, args: TraceEvent['args']): TraceEvent => ({
    name,
    cat,
    ph: 'X',
    ts: round(startMs * 1000),
    dur: round(ms * 1000),
    ...place,
    args,
  })
  return {
    displayTimeUnit: 'ms',
    traceEvents: [
      { name: 'process_name', cat: '', ph: 'M', ...place, args: { name: source } },
      { name: 'thread_name', cat: '', ph: 'M', ...place, args: { name: `${report.backend}, ${report.threads} threads` } },
      ...programs.map(({ number, startMs, ms }) => event(`program ${number + 1}`, 'program', startMs, ms, {})),
      ...steps.map(({ step, startMs }) => {
        const { op, name, kind, shape, runs, operations, bytes, predictedMs } = step
        return event(kind === 'instruction' ? `${op} ${name}` : op, kind, startMs, step.ms, {
          name,
          runs,
          ...(shape ? { shape: shape.join('×') } : {}),
          ...(operations === undefined ? {} : { operations, 'Gflop/s': round((operations * runs) / step.ms / 1e6) }),
          ...(bytes === undefined ? {} : { bytes }),
          ...(predictedMs === undefined ? {} : { 'predicted ms': round(predictedMs) }),
        })
      }),
    ],
  }
}

function round(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 1000) / 1000 : 0
}
