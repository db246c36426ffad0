import { escapeXml } from '../core/index.ts'
import { formatBytes, formatMs, formatOperations, formatPlural } from './format.ts'
import type { ProfileReport } from './profile-report.ts'
import { layOut, type PlacedStep } from './profile-timeline.ts'
import { COLOURS, FONT, roundStep, svgText as text } from './svg.ts'

const WIDTH = 1200
const LEFT = 190
const RIGHT = 130
const LANE = 26
const TOP = 84
const MAX_LANES = 14
const SLOWEST = 10

/** A profile as a picture: a lane for every operation over the time of one run, and the slowest steps below. */
export function timelineSvg(source: string, report: ProfileReport): string {
  const { steps, ms } = layOut(report.steps)
  const named = report.operations.slice(0, MAX_LANES - 1).map(({ op }) => op)
  const hasRest = report.operations.length > named.length
  const lanes = hasRest ? [...named, 'others'] : named
  const laneOf = (step: PlacedStep['step']): number => {
    const at = named.indexOf(step.kind === 'node' ? `${step.op} (TypeScript)` : step.op)
    return at < 0 ? lanes.length - 1 : at
  }
  const scale = (WIDTH - LEFT - RIGHT) / Math.max(ms, 1e-9)
  const slowest = [...report.steps].sort((a, b) => b.ms - a.ms).slice(0, SLOWEST)
  const tableTop = TOP + lanes.length * LANE + 74
  const height = tableTop + slowest.length * LANE + 24
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ${FONT} font-size="13">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(24, 32, source.length > 90 ? `…${source.slice(-89)}` : source, 'font-size="17" font-weight="600"'),
    text(24, 56, summary(report), 'fill="#444444"'),
  ]
  for (const [i, lane] of lanes.entries()) {
    const y = TOP + i * LANE
    const total = hasRest && i === lanes.length - 1 ? restOf(report, named) : report.operations[i]!
    parts.push(
      `<rect x="${LEFT}" y="${y}" width="${WIDTH - LEFT - RIGHT}" height="${LANE - 4}" fill="${i % 2 === 0 ? '#f2f4f7' : '#f8f9fb'}"/>`,
      text(LEFT - 10, y + 16, shorten(lane, 24), 'text-anchor="end"'),
      text(WIDTH - RIGHT + 10, y + 16, `${formatMs(total.ms)}  ${(total.share * 100).toFixed(1)} %`, 'fill="#444444"'),
    )
  }
  for (const { step, startMs } of steps) {
    const lane = laneOf(step)
    const x = LEFT + startMs * scale
    const width = Math.max(0.6, step.ms * scale)
    const label =
      width > 60 ? text(x + 4, TOP + lane * LANE + 16, shorten(step.name, Math.floor(width / 7.5)), 'fill="#ffffff" font-size="11"') : ''
    parts.push(
      `<g><title>${escapeXml(`${step.op} ${step.name}: ${step.ms.toFixed(3)} ms`)}</title>`,
      `<rect x="${x.toFixed(2)}" y="${TOP + lane * LANE}" width="${width.toFixed(2)}" height="${LANE - 4}" fill="${colour(lane)}"/>${label}</g>`,
    )
  }
  parts.push(...axis(ms, scale, TOP + lanes.length * LANE))
  parts.push(
    text(
      24,
      tableTop - 14,
      `slowest ${formatPlural(slowest.length, 'step')}${report.speed ? '; a black mark is the prediction' : ''}`,
      'font-weight="600"',
    ),
  )
  parts.push(...bars(slowest, laneOf, tableTop))
  return `${parts.join('\n')}\n</svg>\n`
}

function summary({ backend, threads, ms, runs, predictedMs, arena, shapes }: ProfileReport): string {
  const inputs = Object.entries(shapes).map(([name, shape]) => `${name} [${shape.join(', ')}]`)
  const parts = [
    `${formatMs(ms)} (median of ${formatPlural(runs, 'run')})`,
    ...(predictedMs === null ? [] : [`predicted ${formatMs(predictedMs)}`]),
    `${backend}, ${formatPlural(threads, 'thread')}`,
    `arena ${formatBytes(arena.usedBytes)}`,
    shorten(inputs.join(', '), 60),
  ]
  return parts.join('  ·  ')
}

function restOf({ operations }: ProfileReport, named: readonly string[]): { ms: number; share: number } {
  const rest = operations.slice(named.length)
  return { ms: rest.reduce((sum, one) => sum + one.ms, 0), share: rest.reduce((sum, one) => sum + one.share, 0) }
}

/** Ticks at round numbers of milliseconds. */
function axis(ms: number, scale: number, y: number): string[] {
  const tick = roundStep(ms, 8)
  const lines = [`<line x1="${LEFT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}" stroke="#888888"/>`]
  for (let i = 0; i * tick <= ms + 1e-9; i++) {
    const x = (LEFT + i * tick * scale).toFixed(2)
    lines.push(`<line x1="${x}" y1="${y}" x2="${x}" y2="${y + 5}" stroke="#888888"/>`)
    lines.push(
      text(Number(x), y + 20, `${Number((i * tick).toPrecision(6))}${i === 0 ? ' ms' : ''}`, 'text-anchor="middle" fill="#444444"'),
    )
  }
  return lines
}

/** A bar for each step as long as its time, a mark where the prediction is. */
function bars(slowest: readonly PlacedStep['step'][], laneOf: (step: PlacedStep['step']) => number, top: number): string[] {
  const left = 560
  const scale = (WIDTH - left - 260) / Math.max(...slowest.map(({ ms }) => ms), 1e-9)
  return slowest.flatMap((step, i) => {
    const y = top + i * LANE
    const end = left + Math.max(1, step.ms * scale)
    const { operations, predictedMs, runs, ms } = step
    const rate = operations !== undefined && ms > 0 ? `  ${formatOperations(((operations * runs) / ms) * 1000)}/s` : ''
    const mark = predictedMs === undefined ? [] : [left + Math.min(predictedMs, ms * 2) * scale]
    return [
      text(24, y + 16, `${step.op}  ${shorten(step.name, 40)}`, ''),
      text(left - 12, y + 16, step.shape ? shorten(`[${step.shape.join(', ')}]`, 22) : '', 'text-anchor="end" fill="#444444"'),
      `<rect x="${left}" y="${y + 3}" width="${(end - left).toFixed(2)}" height="${LANE - 10}" fill="${colour(laneOf(step))}"/>`,
      ...mark.map(
        x =>
          `<line x1="${x.toFixed(2)}" y1="${y}" x2="${x.toFixed(2)}" y2="${y + LANE - 4}" stroke="#000000" stroke-width="2"><title>predicted</title></line>`,
      ),
      text(Math.max(end, ...mark) + 8, y + 16, `${formatMs(ms)}${rate}`, 'fill="#444444"'),
    ]
  })
}

function colour(lane: number): string {
  return COLOURS[lane % COLOURS.length]!
}

function shorten(value: string, length: number): string {
  return value.length > length ? `…${value.slice(value.length - Math.max(1, length - 1))}` : value
}
