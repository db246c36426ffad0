import { HenceError } from '../../core/index.ts'
import type { Point } from './svg.ts'

/** A box to be placed. */
export interface Box {
  readonly width: number
  readonly height: number
}

/** Two boxes that a line connects, by number: the first above the second where nothing else is against it. */
export interface Connection {
  readonly from: number
  readonly to: number
}

/** Where boxes and lines go. */
export interface Layout {
  readonly width: number
  readonly height: number
  /** Middles of the boxes. */
  readonly boxes: readonly Point[]
  /** Bends of each connection, from the edge of one box to that of the other. */
  readonly lines: readonly (readonly Point[])[]
}

/** Hence's own limit: nobody reads a larger picture, and laying one out takes minutes. */
const MAX_BOXES = 1_500

/** Places boxes in layers with few crossings, by the dagre package. @throws HenceError `OPTION_INVALID` without it, or for too many boxes */
export async function layOut(boxes: readonly Box[], connections: readonly Connection[]): Promise<Layout> {
  if (boxes.length > MAX_BOXES)
    throw new HenceError('OPTION_INVALID', `a picture of ${boxes.length} boxes is more than anyone can read; ${MAX_BOXES} are the limit`, {
      boxes: boxes.length,
      limit: MAX_BOXES,
      hint: 'Draw a part: the variables a question is about and what they depend on.',
    })
  if (boxes.length === 0) return { width: 32, height: 32, boxes: [], lines: [] }
  const { graphlib, layout } = await loadDagre()
  const graph = new graphlib.Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'TB', nodesep: 28, ranksep: 44, edgesep: 14, marginx: 16, marginy: 16 })
  for (const [i, { width, height }] of boxes.entries()) graph.setNode(String(i), { width, height })
  for (const [i, { from, to }] of connections.entries()) graph.setEdge(String(from), String(to), {}, String(i))
  layout(graph)
  const { width = 0, height = 0 } = graph.graph()
  const middles = boxes.map((_, i) => {
    const { x, y } = graph.node(String(i))
    return { x, y }
  })
  const lines = connections.map(({ from, to }, i) => {
    const bends = (graph.edge(String(from), String(to), String(i)).points ?? []).slice(1, -1)
    const [above, below] = [middles[from]!, middles[to]!]
    const leave = onSide(above, boxes[from]!, bends[0] ?? below, 'bottom')
    return [leave, ...bends, onSide(below, boxes[to]!, bends.at(-1) ?? above, 'top')]
  })
  return { width, height, boxes: middles, lines }
}

/** Lines leave boxes below and enter them above: from the side they would cross the neighbours. */
function onSide(middle: Point, { width, height }: Box, towards: Point, side: 'top' | 'bottom'): Point {
  const reach = Math.max(0, width / 2 - 10)
  return {
    x: Math.min(middle.x + reach, Math.max(middle.x - reach, towards.x)),
    y: middle.y + (side === 'top' ? -height / 2 : height / 2),
  }
}

/** The part of dagre that is used. */
interface Dagre {
  readonly graphlib: { readonly Graph: new (options: { readonly multigraph: boolean }) => DagreGraph }
  layout(graph: DagreGraph): void
}
interface DagreGraph {
  setGraph(settings: Readonly<Record<string, string | number>>): void
  graph(): { readonly width?: number; readonly height?: number }
  setNode(name: string, box: Box): void
  node(name: string): Point
  setEdge(from: string, to: string, label: object, name: string): void
  edge(from: string, to: string, name: string): { readonly points?: readonly Point[] }
}

let loading: Promise<Dagre> | undefined

function loadDagre(): Promise<Dagre> {
  // Not a literal, because the compiler must not ask for a package that is optional.
  const name: string = '@dagrejs/dagre'
  loading ??= import(name).then(
    (module: Dagre & { default?: Dagre }) => module.default ?? module,
    cause => {
      loading = undefined
      throw new HenceError('OPTION_INVALID', 'pictures of graphs are laid out by the package @dagrejs/dagre, which is not installed', {
        package: name,
        hint: 'Run `npm install @dagrejs/dagre`.',
        cause,
      })
    },
  )
  return loading
}
