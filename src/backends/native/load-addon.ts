import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { arch, env, platform, report } from 'node:process'
import { packageFolder, packageVersion } from '../../core/index.ts'
import type { Addon } from './addon.ts'
import { fixOfLoadFailures } from './load-failure.ts'

/** One place the addon was looked for. */
export interface LoadAttempt {
  /** A file, or the name of a package. */
  readonly path: string
  /** Why it was not used; absent for the one in use. */
  readonly failure?: string
}

/** The addon, or why there is none. */
export interface AddonSearch {
  readonly addon?: Addon
  readonly attempts: readonly LoadAttempt[]
  /** What would make the native backend available, when it is not. */
  readonly fix?: string
}

let found: AddonSearch | undefined

/**
 * Looks for the addon once per process: `HENCE_NATIVE` (a path, or `off`) and nothing else where it is set; otherwise the
 * package of this platform, then what was compiled on this machine. A failure is kept as data: without an addon Hence runs
 * on the reference backend.
 */
export function findAddon(): AddonSearch {
  found ??= search()
  return found
}

function search(): AddonSearch {
  const wanted = env['HENCE_NATIVE']
  if (wanted === 'off') return { attempts: [{ path: 'HENCE_NATIVE', failure: 'switched off' }], fix: 'unset HENCE_NATIVE' }
  const name = platformName()
  const candidates = wanted ? [wanted] : [`@hence/native-${name}`, join(packageFolder(), 'build', 'native', `${name}.node`)]
  const attempts: LoadAttempt[] = []
  for (const path of candidates) {
    const result = attempt(path)
    if (typeof result !== 'string') return { addon: result, attempts: [...attempts, { path }] }
    attempts.push({ path, failure: result })
  }
  return {
    attempts,
    fix: fixOfLoadFailures(
      attempts.map(({ failure }) => failure!),
      wanted !== undefined,
    ),
  }
}

/** The addon of a file or package, or why it is none. */
function attempt(path: string): Addon | string {
  const require = createRequire(import.meta.url)
  if (path.endsWith('.node')) {
    if (!existsSync(path)) return 'there is no such file'
  } else {
    const version = versionOf(path, require)
    if (version === undefined) return 'not installed'
    // The functions of the addon change from one version to the next.
    if (version !== packageVersion()) return `is of version ${version}, and this is Hence ${packageVersion()}`
  }
  try {
    const addon = require(path) as Partial<Addon>
    return typeof addon.createDevice === 'function' ? (addon as Addon) : 'loads, but is no addon of Hence'
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0]! : String(error)
  }
}

function versionOf(name: string, require: NodeJS.Require): string | undefined {
  try {
    return (require(`${name}/package.json`) as { version: string }).version
  } catch {
    return undefined
  }
}

/** `linux-x64`, `linux-x64-musl`, `darwin-arm64`. */
function platformName(): string {
  // Else the report resolves the names of all open connections, which takes seconds without a network.
  if (report) (report as { excludeNetwork?: boolean }).excludeNetwork = true
  const header = (report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined)?.header
  const musl = platform === 'linux' && header !== undefined && header.glibcVersionRuntime === undefined
  return `${platform}-${arch}${musl ? '-musl' : ''}`
}
