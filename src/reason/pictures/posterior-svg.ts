import { COLOURS, FONT_SIZE, shorten, svgPicture, svgRect, svgText, textWidth } from './svg.ts'

/** A variable with the probability of each of its states. */
export interface PosteriorBars {
  readonly variable: string
  readonly states: readonly string[]
  readonly probabilities: ArrayLike<number>
  /** How far each may be off. */
  readonly errors?: ArrayLike<number> | undefined
  /** True when the state is known, not inferred. */
  readonly isKnown?: boolean | undefined
}

/** Pixels. */
const ROW = 20
const BAR = 260
const MARGIN = 20
const MAX_STATES = 60
const MAX_VARIABLES = 400

/** Bars of posteriors, a block for each variable. */
export function posteriorsSvg(title: string, posteriors: readonly PosteriorBars[]): string {
  const shown = posteriors.slice(0, MAX_VARIABLES)
  const labels = shown.flatMap(({ states }) => states.slice(0, MAX_STATES).map(state => shorten(state, 30)))
  const left = MARGIN + Math.max(60, ...labels.map(label => textWidth(label))) + 10
  const parts: string[] = [svgText({ x: MARGIN, y: MARGIN + 14 }, shorten(title, 70), 'font-size="16" font-weight="600"')]
  let y = MARGIN + 36
  for (const { variable, states, probabilities, errors, isKnown } of shown) {
    parts.push(svgText({ x: MARGIN, y: y + FONT_SIZE }, shorten(variable, 60) + (isKnown ? ' (known)' : ''), 'font-weight="600"'))
    y += ROW + 2
    for (const [i, state] of states.slice(0, MAX_STATES).entries()) {
      const p = probabilities[i]!
      const error = errors?.[i] ?? 0
      parts.push(
        svgText({ x: left - 8, y: y + FONT_SIZE }, shorten(state, 30), 'text-anchor="end"'),
        svgRect({ x: left, y: y + 2, width: BAR, height: ROW - 6 }, COLOURS.node),
        svgRect({ x: left, y: y + 2, width: BAR * p, height: ROW - 6 }, isKnown ? COLOURS.known : COLOURS.bar),
        ...(error > 0 ? [errorMark(left, y + ROW / 2 - 1, p, error)] : []),
        svgText(
          { x: left + BAR + 8, y: y + FONT_SIZE },
          `${(100 * p).toFixed(2)} %${error > 0 ? ` ± ${(100 * error).toFixed(2)}` : ''}`,
          `fill="${COLOURS.faint}"`,
        ),
      )
      y += ROW
    }
    if (states.length > MAX_STATES) {
      parts.push(svgText({ x: left, y: y + FONT_SIZE }, `and ${states.length - MAX_STATES} more states`, `fill="${COLOURS.faint}"`))
      y += ROW
    }
    y += 10
  }
  if (posteriors.length > MAX_VARIABLES) {
    parts.push(
      svgText({ x: MARGIN, y: y + FONT_SIZE }, `and ${posteriors.length - MAX_VARIABLES} more variables`, `fill="${COLOURS.faint}"`),
    )
    y += ROW
  }
  return svgPicture({ width: left + BAR + 130, height: y + MARGIN - 10, title }, parts)
}

/** From p − error to p + error. */
function errorMark(left: number, y: number, p: number, error: number): string {
  const [from, to] = [Math.max(0, p - error), Math.min(1, p + error)].map(value => left + BAR * value)
  return `<path d="M${from!.toFixed(1)} ${y - 4}v8M${from!.toFixed(1)} ${y}H${to!.toFixed(1)}m0 -4v8" stroke="${COLOURS.ink}" fill="none"/>`
}
