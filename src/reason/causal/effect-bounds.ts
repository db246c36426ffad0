import type { Steps } from '../bayes/steps.ts'
import type { ObservedDistribution } from './evaluate-estimand.ts'
import { type LinearProgram, minimise } from './linear-program.ts'

/** The least and the largest value that fit the observations. */
export type Bounds = readonly [least: number, largest: number]

/** Unknowns of the linear program; it takes some seconds at this size. */
const MAX_UNKNOWNS = 600

/**
 * Bounds on P(effect | do(cause = state)) for each state of the effect, where observations do not determine it: what every way
 * in which the effect can respond to the cause allows, given what is seen of both for each state of an instrument.
 * Source: Balke & Pearl, "Bounds on Treatment Effects from Studies with Imperfect Compliance" (1997), for any number of states.
 *
 * @param instrument - moves the effect by way of the cause only; without one the bounds are wider
 * @returns undefined where no model fits, so that the instrument is none, or where the program is too large
 */
export function* effectBounds(
  source: ObservedDistribution,
  { cause, effect, state, instrument }: { cause: string; effect: string; state: number; instrument?: string | undefined },
): Steps<Bounds[] | undefined> {
  const [xs, ys] = [source.states(cause).length, source.states(effect).length]
  const zs = instrument === undefined ? 1 : source.states(instrument).length
  const responses = ys ** xs
  if (zs * xs * responses > MAX_UNKNOWNS) return undefined
  const joint = yield* source.joint(instrument === undefined ? [cause, effect] : [instrument, cause, effect])
  const program = responseProgram(joint, { xs, ys, zs })
  const bounds: Bounds[] = []
  for (let y = 0; y < ys; y++) {
    yield
    // Counted at the first state of the instrument; its rows make all others agree.
    const objective = program.rows[0]!.map((_, at) => Number(at < xs * responses && answerOf(at % responses, state, ys) === y))
    const least = minimise({ ...program, objective })
    const largest = minimise({ ...program, objective: objective.map(entry => -entry) })
    if (least === undefined || largest === undefined) return undefined
    bounds.push([Math.max(0, least), Math.min(1, -largest)])
  }
  return bounds
}

/**
 * Unknowns [z, x, r]: P(cause = x and the effect responds by r, given z), where r is a function from states of the cause to
 * states of the effect. They add up to what is seen, and how the effect responds does not depend on z.
 */
function responseProgram(joint: Float64Array, { xs, ys, zs }: { xs: number; ys: number; zs: number }): Omit<LinearProgram, 'objective'> {
  const responses = ys ** xs
  const width = zs * xs * responses
  const shares = Array.from({ length: zs }, (_, z) => joint.subarray(z * xs * ys, (z + 1) * xs * ys).reduce((sum, p) => sum + p, 0))
  const possible = [...shares.keys()].filter(z => shares[z]! > 0)
  const place = (z: number, x: number, r: number): number => (z * xs + x) * responses + r
  const rows: number[][] = []
  const values: number[] = []
  const add = (value: number, entries: readonly (readonly [at: number, factor: number])[]): void => {
    const row = Array.from({ length: width }, () => 0)
    for (const [at, factor] of entries) row[at]! += factor
    rows.push(row)
    values.push(value)
  }
  const all = Array.from({ length: responses }, (_, r) => r)
  for (const [at, z] of possible.entries()) {
    for (let x = 0; x < xs; x++)
      for (let y = 0; y < ys; y++)
        add(
          joint[(z * xs + x) * ys + y]! / shares[z]!,
          all.filter(r => answerOf(r, x, ys) === y).map(r => [place(at, x, r), 1] as const),
        )
    if (at === 0) continue
    for (const r of all)
      add(
        0,
        Array.from({ length: xs }, (_, x) => x).flatMap(x => [[place(at, x, r), 1] as const, [place(0, x, r), -1] as const]),
      )
  }
  return { rows, values }
}

/** The state of the effect that response `r` has for state `x` of the cause. */
function answerOf(r: number, x: number, ys: number): number {
  return Math.floor(r / ys ** x) % ys
}
