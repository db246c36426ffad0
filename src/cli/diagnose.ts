import { access, constants } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type AddonSearch, cacheFolder } from '../backends/index.ts'
import { isHenceError, packageFolder } from '../core/index.ts'
import { type HubSettings, hubCacheFolder, hubSettings } from '../hub/index.ts'
import { folderProblem } from './folder-problem.ts'
import type { Io } from './io.ts'
import { nodeProblem } from './node-version.ts'

/** Something that keeps Hence from working as well as it could, and what to do about it. */
export interface Problem {
  readonly area: 'node' | 'native backend' | 'cache' | 'hub'
  readonly problem: string
  readonly fix: string
}

/** Whether a package that Hence can do without is there. */
export interface OptionalPackage {
  readonly name: string
  readonly isThere: boolean
  /** What it is good for. */
  readonly gives: string
  /** How to get it; null where it is there. */
  readonly fix: string | null
}

/** Looks for all problems; asks the network nothing. */
export async function diagnose(search: AddonSearch, env: Io['env']): Promise<Problem[]> {
  const tooOld = nodeProblem(process.versions.node)
  return [
    ...(tooOld ? [{ area: 'node' as const, ...tooOld }] : []),
    ...(await nativeProblems(search)),
    ...(await cacheProblems()),
    ...(await hubProblems(env)),
  ]
}

/** Settings of the hub, where they can be read at all. */
export async function readableHubSettings(env: Io['env']): Promise<HubSettings | undefined> {
  return hubSettings(env).catch(() => undefined)
}

/** Packages that Hence uses where they are installed. */
export async function optionalPackages(): Promise<OptionalPackage[]> {
  const packages = [
    { name: 'sharp', gives: 'reads WebP, AVIF, GIF and SVG, and large pictures faster' },
    { name: '@dagrejs/dagre', gives: 'draws networks and causal graphs' },
  ]
  return Promise.all(
    packages.map(async ({ name, gives }) => {
      if (!isInstalled(name)) return { name, isThere: false, gives, fix: `npm install ${name}` }
      const loads = await import(name).then(
        () => true,
        () => false,
      )
      return { name, isThere: loads, gives, fix: loads ? null : `it is there, but does not load; again: npm install ${name}` }
    }),
  )
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND'
  }
}

async function nativeProblems({ addon, attempts, fix }: AddonSearch): Promise<Problem[]> {
  if (addon || fix === undefined) return []
  const failures = attempts.map(({ path, failure }) => `${path} ${failure}`).join('; ')
  const problem = `there is none, so Hence computes in TypeScript, tens of times slower (${failures})`
  if (!fix.includes('--fix')) return [{ area: 'native backend', problem, fix }]
  const obstacle = await compilingProblem()
  return [{ area: 'native backend', problem, fix: obstacle === undefined ? fix : `${obstacle}; then \`hence doctor --fix\`` }]
}

/** Why `hence doctor --fix` cannot compile the native backend here, and what to do; undefined where it can. */
export async function compilingProblem(): Promise<string | undefined> {
  const folder = packageFolder()
  const { whyNotBuildable } = (await import(pathToFileURL(buildScript()).href)) as { whyNotBuildable(): string | undefined }
  const reason = whyNotBuildable()
  if (reason !== undefined) return reason
  const isWritable = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  )
  return isWritable ? undefined : `${folder} cannot be written: do it as the user who installed Hence`
}

/** The script that compiles the native backend; it is part of the package. */
export function buildScript(): string {
  return join(packageFolder(), 'scripts', 'build-native.mjs')
}

async function cacheProblems(): Promise<Problem[]> {
  const folder = cacheFolder()
  if (folder === undefined)
    return [{ area: 'cache', problem: 'HENCE_CACHE=off: weights are packed anew at every start', fix: 'unset HENCE_CACHE' }]
  const problem = await folderProblem(folder)
  const fix = 'set HENCE_CACHE to a folder on a disk with room, or to off; `hence doctor --cache --clear` empties the one there is'
  return problem === undefined ? [] : [{ area: 'cache', problem, fix }]
}

async function hubProblems(env: Io['env']): Promise<Problem[]> {
  const problems: Problem[] = []
  const tell = (problem: string, fix: string): unknown => problems.push({ area: 'hub', problem, fix })
  try {
    const { endpoint, token, isOffline } = await hubSettings(env)
    const { protocol, hostname } = new URL(endpoint)
    const isHere = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
    if (token !== undefined && protocol === 'http:' && !isHere)
      tell(`HF_ENDPOINT is ${endpoint}, so the token goes there for everybody on the way to read`, 'write HF_ENDPOINT with https://')
    if (isOffline) tell('HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) is set: no model is fetched', 'unset it to fetch models')
  } catch (error) {
    if (!isHenceError(error)) throw error
    tell(error.message, error.hint)
  }
  const folder = await folderProblem(hubCacheFolder(env))
  if (folder !== undefined) tell(folder, 'set HF_HUB_CACHE to a folder on a disk with room; `hence pull --list` shows what takes space')
  return problems
}
