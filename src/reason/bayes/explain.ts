import type { Finding, Given } from './evidence.ts'
import type { Questionable } from './question.ts'

/** What the findings did to what is believed of a variable. */
export interface Explanation {
  readonly variable: string
  /** The state that is explained. */
  readonly state: string
  /** P(state) under the interventions, without any finding. */
  readonly prior: number
  /** P(state | findings). */
  readonly posterior: number
  /** The strongest first. */
  readonly findings: readonly FindingInfluence[]
}

/** The influence of one finding on a state. */
export interface FindingInfluence {
  readonly variable: string
  /** The finding in words: `smoke=yes`. */
  readonly finding: string
  /** P(state | all other findings). */
  readonly before: number
  /** P(state | all findings) - `before`: what would be lost without it. */
  readonly effect: number
  /** P(state | this finding alone). */
  readonly alone: number
  /** ln P(finding | state, the others) - ln P(finding | not state, the others): Good's weight of evidence, in nats. */
  readonly weightOfEvidence: number
}

/** What `BayesNet.explain()` is asked. */
export interface ExplainOptions extends Given {
  /** The state to explain; the likeliest one by default. */
  readonly state?: string | undefined
  readonly maxCells?: number | undefined
}

/** Leaves out one finding after the other. @throws HenceError as `query` */
export function explainPosterior(
  net: Questionable,
  variable: string,
  { state, given = {}, do: done, maxCells }: ExplainOptions,
): Explanation {
  const index = net.network.indexOf(variable)
  const ask = (findings: Readonly<Record<string, Finding>>): Float64Array =>
    net.query(variable, { given: findings, do: done, maxCells, method: 've' })[variable]!
  const posterior = ask(given)
  const place = state === undefined ? posterior.indexOf(Math.max(...posterior)) : net.network.stateOf(index, state)
  const p = posterior[place]!
  const findings = Object.entries(given).map(([name, finding]): FindingInfluence => {
    const { [name]: _, ...others } = given
    const before = ask(others)[place]!
    return {
      variable: name,
      finding: describeFinding(net, name, finding),
      before,
      effect: p - before,
      alone: ask({ [name]: finding })[place]!,
      weightOfEvidence: Math.log(p / (1 - p)) - Math.log(before / (1 - before)),
    }
  })
  findings.sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect))
  return { variable, state: net.states(variable)[place]!, prior: ask({})[place]!, posterior: p, findings }
}

/** A finding in words. */
export function describeFinding(net: Questionable, name: string, finding: Finding): string {
  if (typeof finding === 'string') return `${name}=${finding}`
  if (typeof finding === 'number') return `${name}=${net.states(name)[finding]}`
  return `${name}=[${Array.from(finding, value => Number(value.toPrecision(3))).join(', ')}]`
}
