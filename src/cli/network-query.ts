import type { Finding } from '../reason/index.ts'
import { usageError } from './flags.ts'

/** A question about a network, in words as on paper: `lung, bronc | smoke=yes, do(asia=no)`. */
export interface NetworkQuery {
  /** Empty for all variables. */
  readonly targets: readonly string[]
  readonly given: Readonly<Record<string, Finding>>
  readonly do: Readonly<Record<string, string>>
}

/** A name, bare or in quotes; a state may have any characters but the separators. */
const NAME = String.raw`"[^"]*"|[^\s",|=()[\]]+`
const ITEM = new RegExp(
  String.raw`\s*(?:do\s*\(\s*(?<done>${NAME})\s*=\s*(?<set>${NAME})\s*\)|(?<name>${NAME})\s*=\s*(?:\[(?<likelihood>[^\]]*)\]|(?<state>${NAME})))\s*(?:,|$)`,
  'uy',
)
const TARGET = new RegExp(String.raw`\s*(?<name>${NAME})\s*(?:,|$)`, 'uy')

/**
 * Reads a question: targets, a bar, then findings `X=state` or `X=[likelihoods]` and interventions `do(X=state)`. A leading `P(` and
 * closing `)` may stand around it all.
 *
 * @throws HenceError `USAGE`
 */
export function parseNetworkQuery(text: string): NetworkQuery {
  const inner = /^\s*P\s*\(([\s\S]*)\)\s*$/.exec(text)?.[1] ?? text
  const bar = barOf(inner)
  const left = bar < 0 ? inner : inner.slice(0, bar)
  const right = bar < 0 ? '' : inner.slice(bar + 1)
  const targets = [...matches(left, TARGET, 'a variable')].map(({ name }) => plain(name!))
  const given: [string, Finding][] = []
  const done: [string, string][] = []
  for (const { done: set, set: value, name, likelihood, state } of matches(right, ITEM, 'a finding like X=state or do(X=state)')) {
    if (set !== undefined) done.push([plain(set), plain(value!)])
    else if (likelihood === undefined) given.push([plain(name!), plain(state!)])
    else given.push([plain(name!), readLikelihood(likelihood, name!)])
  }
  const names = [...given, ...done].map(([name]) => name)
  const double = names.find((name, i) => names.indexOf(name) < i)
  if (double !== undefined) throw usageError(`${double} is given twice`, { variable: double })
  return { targets, given: Object.fromEntries(given), do: Object.fromEntries(done) }
}

function* matches(text: string, pattern: RegExp, what: string): Generator<Readonly<Record<string, string | undefined>>> {
  if (text.trim() === '') return
  pattern.lastIndex = 0
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex
    const match = pattern.exec(text)
    if (!match)
      throw usageError(`expected ${what}, found "${text.slice(at).trim()}"`, {
        hint: "Write a question as 'lung, bronc | smoke=yes, xray=[0.8, 0.3], do(asia=no)'.",
      })
    yield match.groups!
  }
}

/** The first bar outside quotes. */
function barOf(text: string): number {
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"') isQuoted = !isQuoted
    else if (text[i] === '|' && !isQuoted) return i
  }
  return -1
}

function readLikelihood(text: string, name: string): number[] {
  const numbers = text.split(/[\s,]+/).filter(part => part !== '')
  const values = numbers.map(Number)
  if (values.length > 0 && values.every(value => Number.isFinite(value))) return values
  throw usageError(`the likelihood of ${name} must be numbers, is [${text}]`, { variable: name })
}

function plain(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1) : name
}
