import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { arch, env, platform, report } from 'node:process'
import type { Addon } from './addon.ts'

/** One place the addon was looked for. */
export interface LoadAttempt {
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
 * Looks for the addon once per process: `HENCE_NATIVE` (a path, or `off`), the build folder of a checkout, the platform
 * package. A failure is kept as data: without an addon Hence runs on the reference backend.
 */
export function findAddon(): AddonSearch {
  found ??= search()
  return found
}

function search(): AddonSearch {
  const name = platformName()
  const wanted = env['HENCE_NATIVE']
  if (wanted === 'off') return { attempts: [{ path: 'HENCE_NATIVE', failure: 'switched off' }], fix: 'unset HENCE_NATIVE' }
  const require = createRequire(import.meta.url)
  const root = dirname(require.resolve('hence/package.json'))
  const candidates = wanted ? [wanted] : [join(root, 'build', 'native', `${name}.node`), `@hence/native-${name}`]
  const attempts: LoadAttempt[] = []
  for (const path of candidates) {
    if (path.endsWith('.node') && !existsSync(path)) {
      attempts.push({ path, failure: 'there is no such file' })
      continue
    }
    try {
      const addon = require(path) as Addon
      return { addon, attempts: [...attempts, { path }] }
    } catch (error) {
      attempts.push({ path, failure: error instanceof Error ? error.message.split('\n')[0]! : String(error) })
    }
  }
  return { attempts, fix: `npm run build:native (needs a C++ compiler), or npm install @hence/native-${name}` }
}

/** `linux-x64`, `linux-x64-musl`, `darwin-arm64`. */
function platformName(): string {
  // Else the report resolves the names of all open connections, which takes seconds without a network.
  if (report) (report as { excludeNetwork?: boolean }).excludeNetwork = true
  const header = (report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined)?.header
  const musl = platform === 'linux' && header !== undefined && header.glibcVersionRuntime === undefined
  return `${platform}-${arch}${musl ? '-musl' : ''}`
}
