import { writeFile } from 'node:fs/promises'
import { junctionTreeSvg, networkSvg } from '../reason/index.ts'
import { load } from '../tasks/index.ts'
import { EXIT } from './command.ts'
import { formatBytes, formatCount, formatPlural } from './format.ts'
import type { Io } from './io.ts'
import { section, tableLines } from './table.ts'
import { printable, styleOf, writeJson } from './terminal.ts'

/** What `inspect` is called with for a Bayesian network. */
export interface NetworkInspection {
  readonly path: string
  /** Where to draw the network, and its junction tree. */
  readonly svg: string | undefined
  readonly treeSvg: string | undefined
  readonly isJson: boolean
  readonly io: Io
}

/** Shows the size of a network, what was repaired in it, and what asking for all its marginals costs by each method. */
export async function inspectNetwork({ path, svg, treeSvg, isJson, io }: NetworkInspection): Promise<number> {
  const net = await load(path, { kind: 'network' })
  if (svg !== undefined) await writeFile(svg, await networkSvg(net.network))
  if (treeSvg !== undefined) await writeFile(treeSvg, await junctionTreeSvg(net.network))
  const description = net.describe()
  const cost = net.cost()
  if (isJson) {
    writeJson(io, { ...description, cost })
    return EXIT.ok
  }
  const { bold } = styleOf(io.stdout, io.env)
  const { variables, arcs, maxStates, maxParents, cells, zeros, rows, format, files } = description
  const repaired =
    rows.normalized === 0
      ? 'all sum to 1'
      : `${formatCount(rows.normalized)} did not sum to 1, by up to ${rows.worstDeviation.toExponential(1)}, and were divided by their sums`
  const { jtree, lw, lbp, advice } = cost
  const lines = tableLines([
    ['format', `${format}, ${formatBytes(files.reduce((sum, { bytes }) => sum + bytes, 0))}`],
    ['variables', `${formatCount(variables)}, up to ${formatPlural(maxStates, 'state')} and ${formatPlural(maxParents, 'parent')}`],
    ['arcs', formatCount(arcs)],
    ['table cells', `${formatCount(cells)}, ${cells === 0 ? 0 : Math.round((100 * zeros) / cells)} % of them zero`],
    ['table rows', `${formatCount(rows.count)}: ${repaired}`],
  ])
  const costs = tableLines([
    [
      'jtree',
      `treewidth ${jtree.width} or less, ${formatPlural(jtree.cells, 'cell')}, the largest clique ${formatCount(jtree.largestCells)}, ${formatBytes(jtree.bytes)}`,
    ],
    ['ve', 'one question needs a part of that only: `hence run` cuts off what does not matter'],
    ['lw', `${formatCount(lw.lookups)} table rows for ${formatCount(lw.samples)} samples`],
    ['lbp', `${formatPlural(lbp.cellsPerIteration, 'cell')} a round`],
    ['advice', advice === 'exact' ? 'exact methods' : 'exact for single questions that allow it, else sampling'],
  ])
  io.stdout.write([`${bold(printable(path))}\n`, section(bold('network'), lines), section(bold('cost of all marginals'), costs)].join('\n'))
  return EXIT.ok
}
