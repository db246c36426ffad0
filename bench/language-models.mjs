/** What the benchmarks of language models against llama.cpp share: flags, models, runs in processes of their own, medians. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

export const here = fileURLToPath(new URL('.', import.meta.url))
export const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    types: { type: 'string', default: 'q8_0,q4_0,q4_k_m' },
    targets: { type: 'string', default: '' },
    folder: { type: 'string', default: join(tmpdir(), 'hence-bench') },
    idle: { type: 'boolean', default: false },
  },
})
export const types = options.types.split(',')
export const targets = options.targets.split(',').filter(Boolean)

/** What a script prints as JSON. */
export function measure(script, args) {
  const env = { ...process.env, HENCE_CACHE: join(options.folder, 'cache') }
  return JSON.parse(execFileSync(process.execPath, [join(here, script), ...args], { cwd: here, env, encoding: 'utf8', maxBuffer: 1 << 26 }))
}

/** The random model of a type, made where it is missing. */
export function modelOf(type) {
  mkdirSync(options.folder, { recursive: true })
  const path = join(options.folder, `random-${type}.gguf`)
  if (!existsSync(path)) execFileSync(process.execPath, [join(here, 'random-model.mjs'), path, '--type', type], { stdio: 'inherit' })
  return path
}

export function installPeer() {
  if (!existsSync(join(here, 'node_modules', 'node-llama-cpp')))
    spawnSync('npm', ['install', '--ignore-scripts'], { cwd: here, stdio: 'inherit' })
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

export const spread = (values, digits = 1) =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`
