import { escapeXml } from '../../core/index.ts'
import type { BayesianNetwork } from '../bayes/network.ts'
import { layOut } from './lay-out.ts'
import { COLOURS, FONT_SIZE, type Point, shorten, svgLine, svgPicture, svgRect, svgText, textWidth } from './svg.ts'

/** What to show of a network beside its arcs. */
export interface NetworkPicture {
  /** Posteriors by variable, drawn as bars within its box. */
  readonly posteriors?: Readonly<Record<string, ArrayLike<number>>> | undefined
  /** Variables whose state is known. */
  readonly known?: readonly string[] | undefined
}

const ROW = 17
const BAR = 80
const MAX_STATES = 8

/**
 * A network as a picture: a box for each variable, causes above effects.
 *
 * @throws HenceError `OPTION_INVALID` for a network of more than 1,500 variables, or where dagre is not installed
 */
export async function networkSvg(network: BayesianNetwork, { posteriors = {}, known = [] }: NetworkPicture = {}): Promise<string> {
  const { variables } = network
  const isKnown = new Set(known)
  const nodes = variables.map(({ name, states }) => {
    const bars = Object.hasOwn(posteriors, name) ? posteriors[name] : undefined
    const rows = bars ? states.slice(0, MAX_STATES).map((state, i) => ({ state: shorten(state, 16), p: bars[i]! })) : []
    const stateWidth = Math.max(0, ...rows.map(({ state }) => textWidth(state, FONT_SIZE - 2)))
    const isCut = bars !== undefined && states.length > MAX_STATES
    const width = Math.max(textWidth(shorten(name, 32)) + 24, rows.length > 0 ? stateWidth + BAR + 70 : 0)
    return { name, rows, stateWidth, isCut, width, height: 30 + (rows.length + Number(isCut)) * ROW + (rows.length > 0 ? 6 : 0) }
  })
  const arcs = variables.flatMap(({ index, parents }) => parents.map(from => ({ from, to: index })))
  const { width, height, boxes, lines } = await layOut(nodes, arcs)
  const parts = [
    ...lines.map(points => svgLine(points, { head: true })),
    ...nodes.flatMap((node, i) => nodeParts(node, boxes[i]!, isKnown.has(node.name))),
  ]
  return svgPicture({ width, height, title: network.name || 'network' }, parts)
}

interface NodeBox {
  readonly name: string
  readonly rows: readonly { readonly state: string; readonly p: number }[]
  readonly stateWidth: number
  readonly isCut: boolean
  readonly width: number
  readonly height: number
}

function nodeParts({ name, rows, stateWidth, isCut, width, height }: NodeBox, middle: Point, isKnown: boolean): string[] {
  const [left, top] = [middle.x - width / 2, middle.y - height / 2]
  const small = `font-size="${FONT_SIZE - 2}"`
  const begin = left + 12 + stateWidth
  return [
    `<g><title>${escapeXml(name)}</title>`,
    svgRect(
      { x: left, y: top, width, height },
      isKnown ? '#fff4d6' : COLOURS.node,
      `rx="6" stroke="${isKnown ? COLOURS.known : COLOURS.line}"`,
    ),
    svgText({ x: middle.x, y: top + 20 }, shorten(name, 32), 'text-anchor="middle" font-weight="600"'),
    ...rows.flatMap(({ state, p }, i) => {
      const y = top + 30 + i * ROW
      return [
        svgText({ x: begin - 4, y: y + 11 }, state, `text-anchor="end" ${small}`),
        svgRect({ x: begin + 2, y: y + 1, width: BAR, height: ROW - 5 }, COLOURS.paper),
        svgRect({ x: begin + 2, y: y + 1, width: BAR * p, height: ROW - 5 }, isKnown ? COLOURS.known : COLOURS.bar),
        svgText({ x: begin + BAR + 8, y: y + 11 }, `${(100 * p).toFixed(1)} %`, `${small} fill="${COLOURS.faint}"`),
      ]
    }),
    ...(isCut
      ? [svgText({ x: begin + 2, y: top + 30 + rows.length * ROW + 11 }, 'and more states', `${small} fill="${COLOURS.faint}"`)]
      : []),
    '</g>',
  ]
}
