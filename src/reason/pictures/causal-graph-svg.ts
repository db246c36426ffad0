import { escapeXml } from '../../core/index.ts'
import type { CausalGraph } from '../causal/index.ts'
import { layOut } from './lay-out.ts'
import { COLOURS, type Point, shorten, svgLine, svgPicture, svgText, textWidth } from './svg.ts'

/** What to colour in a causal graph. */
export interface CausalPicture {
  readonly causes?: readonly string[] | undefined
  readonly effects?: readonly string[] | undefined
  /** What is adjusted for, or the front door. */
  readonly adjusted?: readonly string[] | undefined
  /** Variables of a path, in order, whose edges are drawn in another colour. */
  readonly path?: readonly string[] | undefined
}

const HEIGHT = 34

/**
 * A causal graph as a picture: causes above effects, hidden variables and unseen common causes dashed.
 *
 * @throws HenceError `OPTION_INVALID` for unknown names, too many variables, or where dagre is not installed
 */
export async function causalGraphSvg(
  graph: CausalGraph,
  { causes = [], effects = [], adjusted = [], path = [] }: CausalPicture = {},
): Promise<string> {
  const roles = [
    { label: 'cause', names: graph.nodes(causes), fill: COLOURS.cause },
    { label: 'effect', names: graph.nodes(effects), fill: COLOURS.effect },
    { label: 'adjusted for', names: graph.nodes(adjusted), fill: COLOURS.adjusted },
  ].filter(({ names }) => names.size > 0)
  const nodes = graph.variables.map(name => ({ name, width: textWidth(shorten(name, 32)) + 36, height: HEIGHT }))
  const arrows = graph.children.flatMap((list, from) => list.map(to => ({ from, to })))
  // A double-headed arrow is laid out as a common cause would be, which keeps it clear of other nodes.
  const pairs = graph.spouses.flatMap((list, a) => list.filter(b => b > a).map(b => ({ a, b })))
  const layout = await layOut(
    [...nodes, ...pairs.map(() => ({ width: 1, height: 1 }))],
    [
      ...arrows,
      ...pairs.flatMap(({ a, b }, i) => [
        { from: nodes.length + i, to: a },
        { from: nodes.length + i, to: b },
      ]),
    ],
  )
  const onPath = pathEdges(graph, path)
  const style = (from: number, to: number): { colour: string; width: number } =>
    onPath.has(`${from} ${to}`) || onPath.has(`${to} ${from}`) ? { colour: COLOURS.path, width: 2.2 } : { colour: COLOURS.line, width: 1.4 }
  const legend = [
    ...roles.map(({ label, fill }) => ({ label, fill, isDashed: false })),
    ...(graph.hidden.size > 0 ? [{ label: 'hidden', fill: COLOURS.paper, isDashed: true }] : []),
  ]
  const legendWidth = legend.reduce((sum, { label }) => sum + textWidth(label) + 44, 16)
  const parts = [
    ...arrows.map(({ from, to }, i) => svgLine(layout.lines[i]!, { head: true, isDashed: graph.hidden.has(from), ...style(from, to) })),
    ...pairs.map(({ a, b }, i) => {
      const [toA, toB] = [0, 1].map(side => layout.lines[arrows.length + 2 * i + side]!)
      return svgLine([...[...toA!].reverse(), ...toB!.slice(1)], { head: true, tail: true, isDashed: true, ...style(a, b) })
    }),
    ...nodes.map(({ name, width }, i) => {
      const fill = roles.find(({ names }) => names.has(i))?.fill ?? COLOURS.node
      return ellipse(layout.boxes[i]!, { name, width, fill, isHidden: graph.hidden.has(i) })
    }),
    ...legendParts(legend, layout.height),
  ]
  const height = layout.height + (legend.length > 0 ? 34 : 0)
  return svgPicture({ width: Math.max(layout.width, legendWidth), height, title: 'causal graph' }, parts)
}

function pathEdges(graph: CausalGraph, path: readonly string[]): Set<string> {
  const nodes = path.map(name => graph.node(name))
  return new Set(nodes.slice(1).map((node, i) => `${nodes[i]} ${node}`))
}

function ellipse(middle: Point, { name, width, fill, isHidden }: { name: string; width: number; fill: string; isHidden: boolean }): string {
  return [
    `<g><title>${escapeXml(name)}</title>`,
    `<rect x="${(middle.x - width / 2).toFixed(1)}" y="${(middle.y - HEIGHT / 2).toFixed(1)}" width="${width}" height="${HEIGHT}" rx="${HEIGHT / 2}"`,
    ` fill="${isHidden ? COLOURS.paper : fill}" stroke="${COLOURS.line}"${isHidden ? ' stroke-dasharray="5 4"' : ''}/>`,
    svgText({ x: middle.x, y: middle.y + 4.5 }, shorten(name, 32), 'text-anchor="middle"'),
    '</g>',
  ].join('')
}

function legendParts(entries: readonly { label: string; fill: string; isDashed: boolean }[], top: number): string[] {
  let x = 16
  return entries.flatMap(({ label, fill, isDashed }) => {
    const at = x
    x += textWidth(label) + 44
    const dashes = isDashed ? ' stroke-dasharray="4 3"' : ''
    return [
      `<rect x="${at}" y="${(top + 4).toFixed(1)}" width="20" height="14" rx="7" fill="${fill}" stroke="${COLOURS.line}"${dashes}/>`,
      svgText({ x: at + 26, y: top + 15.5 }, label, `fill="${COLOURS.faint}"`),
    ]
  })
}
