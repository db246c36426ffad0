import { readFileSync } from 'node:fs'

/** Cases that fail, with their reasons; the list may only shrink. */
export const expectedFailures: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('expected-failures.json', import.meta.url), 'utf8'),
)
