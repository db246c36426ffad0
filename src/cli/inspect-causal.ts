import { writeFile } from 'node:fs/promises'
import { causalGraphSvg } from '../reason/index.ts'
import { load } from '../tasks/index.ts'
import { EXIT } from './command.ts'
import { formatPlural } from './format.ts'
import type { Io } from './io.ts'
import { section } from './table.ts'
import { printable, styleOf, writeJson } from './terminal.ts'

/** What `inspect` is called with for a causal graph. */
export interface CausalInspection {
  readonly path: string
  readonly svg: string | undefined
  readonly isJson: boolean
  readonly io: Io
}

/** Shows the variables and edges of a causal graph, and draws it. */
export async function inspectCausal({ path, svg, isJson, io }: CausalInspection): Promise<number> {
  const model = await load(path, { kind: 'causal' })
  if (svg !== undefined) await writeFile(svg, await causalGraphSvg(model.graph))
  const description = model.describe()
  if (isJson) {
    writeJson(io, description)
    return EXIT.ok
  }
  const { bold } = styleOf(io.stdout, io.env)
  const { variables, arrows, confounded, hidden } = description
  const lines = [
    `${formatPlural(variables.length, 'variable')}, ${hidden.length === 0 ? 'all observed' : `hidden: ${hidden.join(', ')}`}`,
    ...arrows.map(([cause, effect]) => `${cause} -> ${effect}`),
    ...confounded.map(([a, b]) => `${a} <-> ${b}`),
  ]
  io.stdout.write(`${bold(printable(path))}\n\n${section(bold('causal graph'), lines.map(printable))}`)
  return EXIT.ok
}
