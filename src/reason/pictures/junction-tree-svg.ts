import { escapeXml } from '../../core/index.ts'
import { CompiledNetwork } from '../bayes/compiled-network.ts'
import type { BayesianNetwork } from '../bayes/network.ts'
import { layOut } from './lay-out.ts'
import { COLOURS, FONT_SIZE, type Point, shorten, svgLine, svgPicture, svgRect, svgText, textWidth } from './svg.ts'

const LINE = 17
/** Names a clique shows before it only counts them. */
const MAX_NAMES = 12
const SMALL = FONT_SIZE - 2

/**
 * The junction tree of a network as a picture: a box for each clique with its variables and table cells, and on the line to the
 * clique above what they share.
 *
 * @throws HenceError `OPTION_INVALID` for more than 750 cliques, or where dagre is not installed
 */
export async function junctionTreeSvg(network: BayesianNetwork): Promise<string> {
  const { cliques, width: treewidth, cells } = new CompiledNetwork(network, { maxCells: Number.POSITIVE_INFINITY }).plan
  // Compiled for all variables, the tree numbers them in the order of the network.
  const nameOf = (local: number): string => network.variables[network.order[local]!]!.name
  const boxes = cliques.map(({ scope, cells: own }) => textBox(namesOf(scope, nameOf), `${own.toLocaleString('en')} cells`))
  const links = cliques.flatMap(({ parent, scope, separatorLength }, child) =>
    parent < 0 ? [] : [{ parent, child, box: textBox(separatorLength === 0 ? ['∅'] : namesOf(scope.slice(0, separatorLength), nameOf)) }],
  )
  const connections = links.flatMap(({ parent, child }, i) => [
    { from: parent, to: cliques.length + i },
    { from: cliques.length + i, to: child },
  ])
  const layout = await layOut([...boxes, ...links.map(({ box }) => box)], connections)
  const largest = Math.max(...cliques.map(clique => clique.cells))
  const title = `${network.name || 'junction tree'}: treewidth ${treewidth}, ${cells.toLocaleString('en')} cells in ${cliques.length} clique${cliques.length === 1 ? '' : 's'}`
  const parts = [
    svgText({ x: 16, y: 26 }, title, 'font-size="15" font-weight="600"'),
    `<g transform="translate(0 30)">`,
    ...layout.lines.map(points => svgLine(points)),
    ...boxes.map((box, i) => boxParts(box, layout.boxes[i]!, cliques[i]!.cells === largest ? '#fff4d6' : COLOURS.node, 10)),
    ...links.map(({ box }, i) => boxParts(box, layout.boxes[cliques.length + i]!, COLOURS.paper, 0)),
    '</g>',
  ]
  return svgPicture({ width: Math.max(layout.width, textWidth(title, 15) + 32), height: layout.height + 30, title }, parts)
}

interface TextBox {
  readonly lines: readonly string[]
  readonly note: string | undefined
  readonly width: number
  readonly height: number
}

function namesOf(scope: readonly number[], nameOf: (local: number) => string): string[] {
  const names = scope.slice(0, MAX_NAMES).map(local => shorten(nameOf(local), 24))
  return scope.length > MAX_NAMES ? [...names, `and ${scope.length - MAX_NAMES} more`] : names
}

/** Names in lines of about the same length. */
function textBox(names: readonly string[], note?: string): TextBox {
  const perLine = names.length <= 4 ? names.length : Math.ceil(Math.sqrt(names.length))
  const lines: string[] = []
  for (let i = 0; i < names.length; i += perLine) lines.push(names.slice(i, i + perLine).join(', '))
  const width = Math.max(...lines.map(line => textWidth(line, SMALL)), note ? textWidth(note, SMALL) : 0) + 18
  return { lines, note, width, height: (lines.length + Number(note !== undefined)) * LINE + 8 }
}

function boxParts({ lines, note, width, height }: TextBox, middle: Point, fill: string, radius: number): string {
  const [left, top] = [middle.x - width / 2, middle.y - height / 2]
  const centred = `text-anchor="middle" font-size="${SMALL}"`
  return [
    `<g><title>${escapeXml(lines.join(', '))}</title>`,
    svgRect({ x: left, y: top, width, height }, fill, `rx="${radius}" stroke="${COLOURS.line}"`),
    ...lines.map((line, i) => svgText({ x: middle.x, y: top + 16 + i * LINE }, line, centred)),
    ...(note === undefined
      ? []
      : [svgText({ x: middle.x, y: top + 16 + lines.length * LINE }, note, `${centred} fill="${COLOURS.faint}"`)]),
    '</g>',
  ].join('')
}
