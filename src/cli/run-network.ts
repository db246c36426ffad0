import { writeFile } from 'node:fs/promises'
import { readSmallFile, readUaiEvidence } from '../formats/index.ts'
import { type Finding, type Posteriors, posteriorsSvg, posteriorsToJson } from '../reason/index.ts'
import { load, type NetworkModel } from '../tasks/index.ts'
import { EXIT } from './command.ts'
import { type FlagValues, usageError } from './flags.ts'
import { formatCount, formatMs, formatNumber } from './format.ts'
import type { Io } from './io.ts'
import type { NETWORK_FLAGS } from './network-flags.ts'
import { type NetworkQuery, parseNetworkQuery } from './network-query.ts'
import { tableLines } from './table.ts'
import { printable, styleOf, writeJson } from './terminal.ts'

/** What `run` is called with for a Bayesian network. */
export interface NetworkRun {
  readonly path: string
  readonly words: readonly string[]
  readonly flags: FlagValues<typeof NETWORK_FLAGS> & {
    readonly seed: number | undefined
    readonly svg: string | undefined
    readonly json: boolean
    readonly stats: boolean
  }
  readonly io: Io
}

/** Findings of a file, at most. */
const MAX_EVIDENCE_BYTES = 2 ** 26
const BAR_CELLS = 30

/** Asks a network one question: `lung | smoke=yes`. */
export async function runNetwork({ path, words, flags, io }: NetworkRun): Promise<number> {
  if (flags.joint && flags.best !== undefined) throw usageError('--joint and --best are two questions; leave one of them out')
  const query = parseNetworkQuery(words.join(' '))
  const controller = new AbortController()
  const stopListening = io.onInterrupt(() => controller.abort())
  try {
    const begun = performance.now()
    const net = await load(path, { kind: 'network', signal: controller.signal })
    const loaded = performance.now()
    const given: Record<string, Finding> =
      flags.evidence === undefined ? query.given : { ...(await readEvidenceFile(flags.evidence)), ...query.given }
    if (flags.svg !== undefined && (flags.joint || flags.best !== undefined))
      throw usageError('--svg draws posteriors of single variables; leave --joint and --best out')
    const report = await answer(net, { ...query, given }, flags, controller.signal)
    if (flags.json) writeJson(io, { model: path, ...report.json })
    else {
      const { bold, dim } = styleOf(io.stdout, io.env)
      for (const { heading, lines } of report.sections) {
        if (heading !== '') io.stdout.write(`${bold(printable(heading))}\n`)
        for (const line of lines) io.stdout.write(`${line}\n`)
      }
      for (const note of report.notes) io.stderr.write(`${dim(`note: ${printable(note)}`)}\n`)
      if (flags.stats)
        io.stderr.write(`${dim(`loaded in ${formatMs(loaded - begun)}, answered in ${formatMs(performance.now() - loaded)}`)}\n`)
    }
    return EXIT.ok
  } finally {
    stopListening()
  }
}

interface Report {
  readonly sections: readonly { readonly heading: string; readonly lines: readonly string[] }[]
  readonly notes: readonly string[]
  readonly json: Readonly<Record<string, unknown>>
}

async function answer(net: NetworkModel, query: NetworkQuery, flags: NetworkRun['flags'], signal: AbortSignal): Promise<Report> {
  const { given, do: done } = query
  const limits = { maxCells: flags['max-cells'], ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout * 1000 }) }
  const question = { given, do: done, ...limits }
  const asked = { given: shownFindings(given), do: done }
  if (flags.best !== undefined) {
    const options = { ...question, count: flags.best }
    const found = query.targets.length === 0 ? net.mpe(options) : net.map(query.targets, options)
    return {
      sections: found.map(({ states, probability }) => ({
        heading: formatProbability(probability),
        lines: tableLines(Object.entries(states).map(([name, state]) => [`  ${name}`, state])),
      })),
      notes: [],
      json: { query: asked, assignments: found },
    }
  }
  if (flags.joint) {
    const { variables, shape, table, logEvidence } = net.joint(query.targets.length === 0 ? net.variables : query.targets, question)
    const rows = Array.from(table, (p, i) => ({ p, states: statesAt(net, variables, shape, i) }))
    return {
      sections: [
        {
          heading: '',
          lines: tableLines([[...variables, 'probability'], ...rows.map(({ p, states }) => [...states, formatProbability(p)])]),
        },
      ],
      notes: [],
      json: { query: asked, variables, shape, table: [...table], logEvidence },
    }
  }
  const targets = query.targets.length === 0 ? undefined : query.targets
  const { method, samples, seed } = flags
  const posteriors = await net.queryAsync(targets, { ...question, method, samples, seed, signal })
  if (flags.svg !== undefined) await writeFile(flags.svg, picture(net, posteriors, asked))
  const explanation = flags.explain ? explain(net, query, question) : undefined
  return {
    sections: [...posteriorSections(net, posteriors), ...(explanation?.sections ?? [])],
    notes: approximationNotes(posteriors),
    json: { query: asked, ...posteriorsToJson(net, posteriors), ...(explanation ? { explanation: explanation.json } : {}) },
  }
}

function picture(net: NetworkModel, posteriors: Posteriors, asked: { readonly given: object; readonly do: object }): string {
  const { errors, isExact } = posteriors.details
  const known = [...Object.entries(asked.given), ...Object.entries(asked.do).map(([name, state]) => [`do(${name})`, state])]
  const given = known.map(([name, state]) => `${name}=${state}`)
  const bars = Object.keys(posteriors).map(variable => ({
    variable,
    states: net.states(variable),
    probabilities: posteriors[variable]!,
    errors: isExact ? undefined : errors[variable],
    isKnown: typeof (asked.given as Record<string, unknown>)[variable] === 'string' || variable in asked.do,
  }))
  return posteriorsSvg(`${net.network.name || 'network'}${given.length > 0 ? ` given ${given.join(', ')}` : ''}`, bars)
}

function explain(
  net: NetworkModel,
  { targets, given, do: done }: NetworkQuery,
  limits: { readonly maxCells?: number | undefined },
): Report {
  const [target, ...others] = targets
  if (target === undefined || others.length > 0) throw usageError('--explain takes a question about one variable')
  const { state, findings } = net.explain(target, { given, do: done, maxCells: limits.maxCells })
  const rows = findings.map(({ finding, before, effect }) => [
    `  ${finding}`,
    `${effect >= 0 ? '+' : '−'}${formatProbability(Math.abs(effect))}`,
    `${formatProbability(before)} without it`,
  ])
  return {
    sections: [{ heading: `what the findings did to ${target}=${state}`, lines: tableLines(rows, [1]) }],
    notes: [],
    json: { target, state, findings },
  }
}

function posteriorSections(net: NetworkModel, posteriors: Posteriors): { heading: string; lines: string[] }[] {
  const { errors, isExact } = posteriors.details
  return Object.keys(posteriors).map(name => {
    const rows = net.states(name).map((state, s) => {
      const p = posteriors[name]![s]!
      const bar = '█'.repeat(Math.round(p * BAR_CELLS)).padEnd(BAR_CELLS, '·')
      return [`  ${state}`, formatProbability(p), bar, ...(isExact ? [] : [`± ${formatProbability(errors[name]![s]!)}`])]
    })
    return { heading: name, lines: tableLines(rows, [1]) }
  })
}

function approximationNotes({ details }: Posteriors): string[] {
  const { method, isExact, diagnostics, cells } = details
  if (isExact || !diagnostics) return []
  const { samples, effectiveSampleSize, seed, rHat, hasConverged, lowerBound } = diagnostics
  const why = Number.isNaN(cells) ? '' : `; exactly it would take ${formatCount(cells)} cells`
  return [
    `approximate (${method}): ${formatCount(samples)} samples worth ${formatCount(effectiveSampleSize)}, seed ${seed}${why}`,
    ...(rHat === undefined ? [] : [`R-hat ${formatNumber(rHat)}`]),
    ...(hasConverged === false ? ['the iteration did not converge'] : []),
    ...(lowerBound === undefined ? [] : [`ln P(findings) is at least ${formatNumber(lowerBound)}`]),
  ]
}

function statesAt(net: NetworkModel, variables: readonly string[], shape: readonly number[], index: number): string[] {
  let rest = index
  return variables
    .map((name, i) => [name, shape[i]!] as const)
    .reverse()
    .map(([name, card]) => {
      const state = net.states(name)[rest % card]!
      rest = Math.floor(rest / card)
      return state
    })
    .reverse()
}

async function readEvidenceFile(path: string): Promise<Record<string, number>> {
  return readUaiEvidence(Buffer.from(await readSmallFile(path, MAX_EVIDENCE_BYTES)).toString('latin1'), path)
}

function shownFindings(given: Readonly<Record<string, Finding>>): Record<string, string | number | number[]> {
  return Object.fromEntries(
    Object.entries(given).map(([name, finding]) => [name, typeof finding === 'object' ? Array.from(finding) : finding]),
  )
}

/** Four digits after the point, more for small ones. */
function formatProbability(p: number): string {
  return p === 0 || p >= 1e-4 ? p.toFixed(4) : p.toExponential(2)
}
