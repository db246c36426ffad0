import { writeFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { HenceError } from '../core/index.ts'
import { readSmallFile } from '../formats/index.ts'
import { parseCsv } from '../media/index.ts'
import {
  type Case,
  type CausalAnswer,
  type CausalModel,
  causalGraphSvg,
  causalModel,
  type EffectAnswer,
  type EffectRow,
  type EffectStrategies,
  parseIndependence,
} from '../reason/index.ts'
import { load } from '../tasks/index.ts'
import type { CAUSAL_FLAGS } from './causal-flags.ts'
import { EXIT } from './command.ts'
import { type FlagValues, usageError } from './flags.ts'
import type { Io } from './io.ts'
import { tableLines } from './table.ts'
import { printable, styleOf, writeJson } from './terminal.ts'

/** What `run` is called with for a question about causes. */
export interface CausalRun {
  readonly path: string
  readonly kind: 'network' | 'causal'
  readonly words: readonly string[]
  readonly flags: FlagValues<typeof CAUSAL_FLAGS> & { readonly json: boolean; readonly timeout: number | undefined }
  readonly io: Io
}

const MAX_DATA_BYTES = 2 ** 29

/** Asks one question about causes: `P(y | do(x))`, `P(y[x=no] | x=yes)`, or `a _||_ b | c`. */
export async function runCausal({ path, kind, words, flags, io }: CausalRun): Promise<number> {
  const question = words.join(' ')
  if (question.trim() === '')
    throw usageError(`${path} needs a question`, { hint: "Write it after the file: 'P(y | do(x))', 'P(y[x=no] | x=yes)', 'a _||_ b | c'." })
  const controller = new AbortController()
  const stopListening = io.onInterrupt(() => controller.abort())
  try {
    const { signal } = controller
    const model = await openModel({ path, kind, flags, signal })
    const independence = parseIndependence(question)
    if (independence) {
      const { a, b, given } = independence
      const found = model.separation(a, b, given)
      if (flags.svg !== undefined)
        await writeFile(flags.svg, await causalGraphSvg(model.graph, { causes: a, effects: b, adjusted: given, path: found.nodes }))
      if (flags.json) writeJson(io, { model: path, question: { a, b, given }, ...found })
      else io.stdout.write(`${found.isSeparated ? 'independent' : `open: ${printable(found.path ?? '')}`}\n${printable(found.words)}\n`)
      return EXIT.ok
    }
    const timeoutMs = flags.timeout === undefined ? undefined : flags.timeout * 1000
    const answer = await model.askAsync(question, { signal, timeoutMs })
    const strategies = strategiesOf(model, answer)
    if (flags.svg !== undefined) await writeFile(flags.svg, await causalGraphSvg(model.graph, rolesOf(answer)))
    if (flags.json) writeJson(io, { model: path, ...jsonOf(answer), ...(strategies ? { strategies } : {}) })
    else {
      const { bold, dim } = styleOf(io.stdout, io.env)
      const lines = answer.kind === 'effect' ? effectLines(answer, strategies, bold) : []
      io.stdout.write([...lines, answer.words].map(line => `${printable(line)}\n`).join(''))
      if (strategies && !strategies.isComplete) io.stderr.write(`${dim('note: there are more sets than are listed')}\n`)
    }
    return EXIT.ok
  } finally {
    stopListening()
  }
}

async function openModel({
  path,
  kind,
  flags,
  signal,
}: Pick<CausalRun, 'path' | 'kind' | 'flags'> & { signal: AbortSignal }): Promise<CausalModel> {
  const { hidden } = flags
  if (kind === 'causal')
    return load(path, { kind: 'causal', hidden, signal, ...(flags.data === undefined ? {} : { data: await readCases(flags.data) }) })
  if (flags.data !== undefined) throw usageError(`${path} is a network, which has its own numbers; --data goes with a causal graph`)
  return causalModel(await load(path, { kind: 'network', signal }), { hidden })
}

async function readCases(path: string): Promise<Case[]> {
  const text = new TextDecoder().decode(await readSmallFile(path, MAX_DATA_BYTES))
  const [names, ...rows] = parseCsv(text, path, extname(path).toLowerCase() === '.tsv' ? '\t' : ',')
  if (!names || rows.length === 0)
    throw new HenceError('FILE_MALFORMED', `${path} needs a first row with names and cases below it`, { path })
  return rows.map(row => Object.fromEntries(row.map((cell, i) => [names[i]!, cell])))
}

/** Every other way to the same effect, for one that is asked for without conditions. */
function strategiesOf(model: CausalModel, answer: CausalAnswer): EffectStrategies | undefined {
  if (answer.kind !== 'effect' || answer.query.causes.length === 0 || answer.query.given.length > 0) return undefined
  const names = (terms: readonly { readonly variable: string }[]): string[] => [...new Set(terms.map(({ variable }) => variable))]
  return model.strategies(names(answer.query.causes), names(answer.query.effects))
}

function rolesOf(answer: CausalAnswer): { causes: string[]; effects: string[]; adjusted: readonly string[] } {
  const { query } = answer
  const worlds = [...query.effects, ...query.given].flatMap(({ world }) => Object.keys(world))
  return {
    causes: [...query.causes.map(({ variable }) => variable), ...worlds],
    effects: query.effects.map(({ variable }) => variable),
    adjusted: answer.kind === 'effect' && answer.isIdentifiable ? answer.through : [],
  }
}

function effectLines(answer: EffectAnswer, strategies: EffectStrategies | undefined, bold: (text: string) => string): string[] {
  const sets = (heading: string, list: readonly (readonly string[])[]): string[] =>
    list.length === 0 ? [] : [`${heading}: ${list.map(set => (set.length === 0 ? 'nothing' : `{${set.join(', ')}}`)).join(' or ')}`]
  const instruments =
    strategies?.instruments.map(({ variable, given }) => `${variable}${given.length > 0 ? ` given {${given.join(', ')}}` : ''}`) ?? []
  return [
    bold(
      answer.isIdentifiable
        ? answer.formula.text
        : `not identifiable: hedge {${answer.hedge.forest.join(', ')}} over {${answer.hedge.subforest.join(', ')}}`,
    ),
    ...(answer.numbers ? ['', ...numberLines(answer.numbers), ''] : []),
    ...(strategies ? [...sets('adjust for', strategies.adjustment), ...sets('front door', strategies.frontDoor)] : []),
    ...(instruments.length > 0 ? [`instruments: ${instruments.join(', ')}`] : []),
  ]
}

function numberLines({ effects, states, rows }: NonNullable<EffectAnswer['numbers']>): string[] {
  const settings = [...Object.keys(rows[0]?.set ?? {}).map(name => `do(${name})`), ...Object.keys(rows[0]?.given ?? {})]
  const head = [...settings, effects.join(', '), 'by doing', 'by seeing']
  const cells = rows.flatMap(row =>
    states.map((own, at) => [
      ...Object.values(row.set),
      ...Object.values(row.given),
      own.join(', '),
      doingCell(row, at),
      shown(row.seeing[at]),
    ]),
  )
  return tableLines([head, ...cells], [head.length - 2, head.length - 1])
}

function doingCell({ doing, bounds }: EffectRow, at: number): string {
  if (doing) return shown(doing[at])
  const bound = bounds?.[at]
  return bound ? `${shown(bound[0])} to ${shown(bound[1])}` : 'unknown'
}

function shown(p: number | undefined): string {
  return p === undefined || Number.isNaN(p) ? 'no such case' : p.toFixed(4)
}

function jsonOf(answer: CausalAnswer): Readonly<Record<string, unknown>> {
  return answer.kind === 'effect' ? { ...answer } : { ...answer, values: [...answer.values] }
}
