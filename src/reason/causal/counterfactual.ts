import { HenceError } from '../../core/index.ts'
import type { BayesianNetwork } from '../bayes/network.ts'
import type { Steps } from '../bayes/steps.ts'
import type { QueryTerm } from './causal-query.ts'
import { parallelWorlds, type World } from './counterfactual-network.ts'
import { networkJoint } from './network-joint.ts'

/** A question across worlds: what is known of one, and what would be so in another. */
export interface CounterfactualQuestion {
  readonly ask: readonly QueryTerm[]
  readonly given: readonly (QueryTerm & { readonly state: string })[]
}

/** P(ask | given). */
export interface CounterfactualAnswer {
  /** By the order of `ask`, for all states of terms without one; row-major, the last term fastest. */
  readonly values: Float64Array
  /** States of each term without one. */
  readonly shape: readonly number[]
  /** The probability of what is known. */
  readonly pGiven: number
}

/**
 * Answers exactly: the known world says what chance did (abduction), the others are computed from the same chance. For that
 * every variable that two worlds compute must be a function of its parents.
 *
 * @throws HenceError `OPTION_INVALID`; `EVIDENCE_IMPOSSIBLE` where what is known cannot be; `INFERENCE_TOO_LARGE`
 */
export function* answerCounterfactual(network: BayesianNetwork, { ask, given }: CounterfactualQuestion): Steps<CounterfactualAnswer> {
  const worlds: World[] = [{}]
  const worldOf = ({ world }: QueryTerm): number => {
    const key = JSON.stringify(Object.entries(world).sort())
    const at = worlds.findIndex(other => JSON.stringify(Object.entries(other).sort()) === key)
    return at < 0 ? worlds.push(world) - 1 : at
  }
  const terms = [...given, ...ask].map(term => ({ ...term, at: worldOf(term) }))
  if (worlds.length > MAX_WORLDS)
    throw new HenceError('OPTION_INVALID', `the question has ${worlds.length} worlds, more than ${MAX_WORLDS}`)
  const about = worlds.map((_, at) => terms.filter(term => term.at === at).map(({ variable }) => variable))
  const parallel = parallelWorlds(network, worlds, about)
  const placed = terms.map(({ variable, state, at }) => {
    const index = network.indexOf(variable)
    return { name: parallel.nameIn(variable, at), state: state === undefined ? undefined : network.stateOf(index, state) }
  })
  const known = placed.slice(0, given.length)
  const asked = placed.slice(given.length)
  const { conflict, findings } = mergeFindings(known)
  const certain = conflict ? Number.NEGATIVE_INFINITY : (yield* networkJoint(parallel.network, [], { given: findings })).logEvidence
  if (certain === Number.NEGATIVE_INFINITY)
    throw new HenceError('EVIDENCE_IMPOSSIBLE', `what is given has probability zero: ${given.map(printTerm).join(', ')}`, {
      given: given.map(printTerm),
    })
  const pGiven = Math.exp(certain)
  // Terms with a state are further findings; the rest are the variables of the answer.
  const fixed = asked.filter(({ state }) => state !== undefined)
  const open = asked.filter(({ state }) => state === undefined)
  const shape = open.map(({ name }) => parallel.network.variables[parallel.network.indexOf(name)]!.states.length)
  const all = mergeFindings([...known, ...fixed])
  if (all.conflict) return { values: new Float64Array(shape.reduce((product, size) => product * size, 1)), shape, pGiven }
  const free = [...new Set(open.map(({ name }) => name).filter(name => !(name in all.findings)))]
  const { values, logEvidence } = yield* networkJoint(parallel.network, free, { given: all.findings })
  const scale = Math.exp(logEvidence - certain)
  return { values: spread(values, free, shape, open, all.findings).map(p => p * scale), shape, pGiven }
}

/** As many as anyone compares; each may add a copy of the network. */
const MAX_WORLDS = 16

interface Placed {
  readonly name: string
  readonly state: number | undefined
}

function mergeFindings(terms: readonly Placed[]): { conflict: boolean; findings: Record<string, number> } {
  const findings = new Map<string, number>()
  let conflict = false
  for (const { name, state } of terms) {
    if ((findings.get(name) ?? state) !== state) conflict = true
    findings.set(name, state!)
  }
  return { conflict, findings: Object.fromEntries(findings) }
}

/** The table of the asked terms from that of the variables behind them: two terms can be one variable, or known. */
function spread(
  values: Float64Array,
  free: readonly string[],
  shape: readonly number[],
  open: readonly Placed[],
  findings: Readonly<Record<string, number>>,
): Float64Array {
  const sizes = free.map(name => shape[open.findIndex(term => term.name === name)]!)
  const out = new Float64Array(shape.reduce((product, size) => product * size, 1))
  for (const [at, p] of values.entries()) {
    const states = new Map(Object.entries(findings))
    let rest = at
    for (let i = free.length - 1; i >= 0; i--) {
      states.set(free[i]!, rest % sizes[i]!)
      rest = Math.floor(rest / sizes[i]!)
    }
    out[open.reduce((place, { name }, i) => place * shape[i]! + states.get(name)!, 0)] = p
  }
  return out
}

/** A term as it is written in a question. */
export function printTerm({ variable, state, world }: QueryTerm): string {
  const set = Object.entries(world).map(([name, value]) => `${name}=${value}`)
  return `${variable}${set.length > 0 ? `[${set.join(', ')}]` : ''}${state === undefined ? '' : `=${state}`}`
}
