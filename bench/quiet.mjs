/** Waiting for a quiet machine, and telling when it was not: shared by the benchmarks against peers. */
import { readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

const QUIET_LOAD = 0.3
/** A measurement is repeated when other virtual machines took more than this share of the processors during it. */
const MOST_STOLEN = 0.01
const MOST_REPEATS = 6

/**
 * Waits until nothing else runs: by default until the load average is low; with `idle` until the processors have been idle
 * for five seconds, as the average still counts the run before. Returns the load average.
 */
export async function quiet({ idle = false } = {}) {
  for (let waited = 0; waited < 600; waited += 5) {
    const before = busyMs()
    await sleep(5000)
    if (idle ? busyMs() - before < 250 : loadavg()[0] < QUIET_LOAD) break
  }
  return loadavg()[0]
}

/** Runs a measurement in turn with waiting, again where the host took processor time away; says how much it took. */
export async function undisturbed(measure, options) {
  for (let repeats = 0; ; repeats++) {
    const load = await quiet(options)
    const stolenBefore = stolenMs()
    const begun = performance.now()
    const result = measure()
    const stolen = (stolenMs() - stolenBefore) / (performance.now() - begun) / cpus().length
    if (stolen <= MOST_STOLEN || repeats === MOST_REPEATS) return { result, load, stolen, repeats }
  }
}

/** Milliseconds that all processors have worked since the machine started. */
function busyMs() {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys, 0)
}

/** Milliseconds the host gave to other machines; 0 where the system does not say. */
function stolenMs() {
  try {
    return Number(readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/)[8]) * 10
  } catch {
    return 0
  }
}
