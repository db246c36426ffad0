import { createRequire } from 'node:module'

/** The version in the package's own package.json, wherever this file has been bundled to. */
export function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('hence/package.json') as { version: string }
  return version
}
