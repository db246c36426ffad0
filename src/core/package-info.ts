import { createRequire } from 'node:module'
import { dirname } from 'node:path'

/** The package's own package.json, wherever this file has been bundled to. */
const MANIFEST = 'hence/package.json'

/** The version of this package. */
export function packageVersion(): string {
  const { version } = createRequire(import.meta.url)(MANIFEST) as { version: string }
  return version
}

/** The folder of this package. */
export function packageFolder(): string {
  return dirname(createRequire(import.meta.url).resolve(MANIFEST))
}
