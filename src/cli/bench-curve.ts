import { escapeXml } from '../core/index.ts'
import type { LoadDetails, LoadReport, LoadTarget } from '../eval/index.ts'
import { formatNumber } from './format.ts'
import { COLOURS, FONT, roundStep, svgText } from './svg.ts'

const WIDTH = 1_080
const TOP = 92
const PANEL = { width: 500, height: 356, left: 62, right: 34, top: 48, bottom: 64 }
const HEIGHT = TOP + 2 * PANEL.height + 12
const TICKS = 6

/** A point of a sweep. */
export interface BenchPoint {
  /** What was asked: `4 users`, `2/s`. */
  readonly name: string
  readonly report: LoadReport
  readonly details: LoadDetails | undefined
}

interface Mark {
  readonly x: number
  readonly y: number
  readonly label: string
}

interface Line {
  readonly name: string
  readonly colour: string
  readonly marks: readonly Mark[]
  /** Whether its points are labelled. */
  readonly isLabelled: boolean
}

/** Latency over throughput, one point for each load: to the first token, for each further one, for whole answers; and both throughputs. */
export function curveSvg(target: Pick<LoadTarget, 'model' | 'location'>, points: readonly BenchPoint[]): string {
  const [first] = points
  const shown = target.location.length > 90 ? `…${target.location.slice(-89)}` : target.location
  const panels = [
    latencyPanel('Time to the first token', 'ttft', points),
    latencyPanel('Time for each further token', 'tpot', points),
    latencyPanel('Time for a whole answer', 'e2el', points),
    panel('Throughput of all against that of each user', 'tokens/s for each user', 'tokens/s of all users', [
      { name: '', colour: COLOURS[2]!, isLabelled: true, marks: marksOf(points, 'output_throughput_per_user', 'output_throughput') },
    ]),
  ]
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" ${FONT} font-size="13">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    svgText(24, 34, `${target.model} under load`, 'font-size="19" font-weight="600"'),
    svgText(24, 58, `${shown}  ·  ${first?.report.date.slice(0, 10) ?? ''}`, 'fill="#444444"'),
    ...panels.map((content, i) => {
      const x = 24 + (i % 2) * (PANEL.width + 32)
      return `<g transform="translate(${x} ${TOP + Math.floor(i / 2) * PANEL.height})">\n${content}\n</g>`
    }),
  ].join('\n')}\n</svg>\n`
}

function latencyPanel(title: string, metric: 'ttft' | 'tpot' | 'e2el', points: readonly BenchPoint[]): string {
  return panel(title, 'tokens/s of all users', 'milliseconds', [
    { name: 'p99', colour: COLOURS[5]!, isLabelled: false, marks: marksOf(points, 'output_throughput', `p99_${metric}_ms`) },
    { name: 'median', colour: COLOURS[0]!, isLabelled: true, marks: marksOf(points, 'output_throughput', `p50_${metric}_ms`) },
  ])
}

type Key = { [K in keyof LoadReport]: LoadReport[K] extends number | null ? K : never }[keyof LoadReport]

function marksOf(points: readonly BenchPoint[], x: Key, y: Key): Mark[] {
  return points.flatMap(({ name, report }) => {
    const [atX, atY] = [report[x], report[y]]
    return atX === null || atY === null || report.completed === 0 ? [] : [{ x: atX, y: atY, label: name }]
  })
}

/** One diagram whose axes begin at 0. */
function panel(title: string, xName: string, yName: string, lines: readonly Line[]): string {
  const { width, height, left, right, top, bottom } = PANEL
  const marks = lines.flatMap(line => line.marks)
  const x = axis(
    marks.map(mark => mark.x),
    left,
    width - right,
  )
  const y = axis(
    marks.map(mark => mark.y),
    height - bottom,
    top,
  )
  const parts = [svgText(0, 12, title, 'font-weight="600" font-size="14"')]
  for (const value of y.ticks) {
    const at = y.place(value)
    parts.push(
      `<line x1="${left}" y1="${at.toFixed(1)}" x2="${width - right}" y2="${at.toFixed(1)}" stroke="#e4e8ec"/>`,
      svgText(left - 8, Math.round(at + 4), tickName(value), 'text-anchor="end" fill="#444444"'),
    )
  }
  for (const value of x.ticks) {
    const at = x.place(value)
    parts.push(
      `<line x1="${at.toFixed(1)}" y1="${height - bottom}" x2="${at.toFixed(1)}" y2="${height - bottom + 5}" stroke="#888888"/>`,
      svgText(at, height - bottom + 20, tickName(value), 'text-anchor="middle" fill="#444444"'),
    )
  }
  parts.push(
    `<line x1="${left}" y1="${height - bottom}" x2="${width - right}" y2="${height - bottom}" stroke="#888888"/>`,
    svgText((left + width - right) / 2, height - bottom + 38, xName, 'text-anchor="middle" fill="#444444"'),
    svgText(0, top - 14, yName, 'fill="#444444"'),
  )
  if (marks.length === 0) parts.push(svgText((left + width) / 2, height / 2, 'nothing measured', 'text-anchor="middle" fill="#777777"'))
  const circles = marks.map(mark => ({ x: x.place(mark.x), y: y.place(mark.y) }))
  for (const line of lines) parts.push(...drawn(line, x.place, y.place))
  for (const { marks: own, isLabelled } of lines)
    if (isLabelled)
      parts.push(
        ...labels(
          own.map(mark => ({ px: x.place(mark.x), py: y.place(mark.y), label: mark.label })),
          circles,
        ),
      )
  parts.push(...legend(lines.filter(({ name, marks: own }) => name !== '' && own.length > 0)))
  return parts.join('\n')
}

function drawn({ name, colour, marks }: Line, placeX: (value: number) => number, placeY: (value: number) => number): string[] {
  const at = marks.map(mark => ({ ...mark, px: placeX(mark.x), py: placeY(mark.y) }))
  const path = at.map(({ px, py }) => `${px.toFixed(1)},${py.toFixed(1)}`).join(' ')
  return [
    ...(at.length > 1 ? [`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`] : []),
    ...at.map(({ px, py, x, y, label }) => {
      const told = escapeXml(`${label}${name === '' ? '' : `, ${name}`}: ${formatNumber(y)} at ${formatNumber(x)}`)
      return `<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="4.5" fill="${colour}" stroke="#ffffff" stroke-width="1.5"><title>${told}</title></circle>`
    }),
  ]
}

/** The load beside each point; left out where it would lie on a point or on another label. */
function labels(
  at: readonly { readonly px: number; readonly py: number; readonly label: string }[],
  circles: readonly { readonly x: number; readonly y: number }[],
): string[] {
  const taken: { readonly x: number; readonly y: number; readonly width: number }[] = []
  const lowest = PANEL.height - PANEL.bottom - 3
  return at.flatMap(({ px, py, label }) => {
    const width = label.length * 6.4
    const x = Math.min(px, PANEL.width - 4 - width / 2)
    const y = [19, -10, 33, -24]
      .map(away => py + away)
      .find(place => {
        if (place > lowest || place < PANEL.top) return false
        if (circles.some(circle => Math.abs(circle.x - x) < width / 2 + 6 && Math.abs(circle.y - place + 4) < 11)) return false
        return !taken.some(other => Math.abs(other.y - place) < 13 && Math.abs(other.x - x) < (other.width + width) / 2 + 4)
      })
    if (y === undefined) return []
    taken.push({ x, y, width })
    const style = 'text-anchor="middle" font-size="11" fill="#333333" stroke="#ffffff" stroke-width="3" paint-order="stroke"'
    return [svgText(x, Math.round(y), label, style)]
  })
}

function legend(lines: readonly Line[]): string[] {
  return lines.flatMap(({ name, colour }, i) => {
    const x = PANEL.width - PANEL.right - 80 * (lines.length - i) + 20
    return [`<circle cx="${x}" cy="8" r="4.5" fill="${colour}"/>`, svgText(x + 9, 12, name, 'fill="#444444"')]
  })
}

function axis(values: readonly number[], from: number, to: number): { ticks: number[]; place(value: number): number } {
  const most = Math.max(...values, 0) || 1
  const step = roundStep(most, TICKS)
  const end = Math.ceil(most / step - 1e-9) * step
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step)
  return { ticks, place: value => from + (value / end) * (to - from) }
}

function tickName(value: number): string {
  return Number(value.toPrecision(6)).toLocaleString('en-US', { maximumFractionDigits: 6 })
}
