/**
 * Where tests find real models and reference answers. They are too large for the repository and live in a folder
 * beside it: `HENCE_TESTDATA`, else `../shared/testdata` next to the repository root.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'vitest'

const repositoryRoot = fileURLToPath(new URL('..', import.meta.url))

/** Folder of the reference models and answers; it may not exist, see {@link hasTestdata}. */
export const testdataRoot: string = resolve(process.env['HENCE_TESTDATA'] ?? join(repositoryRoot, '..', 'shared', 'testdata'))

/** True when the reference models and answers are on this machine. */
export const hasTestdata: boolean = existsSync(testdataRoot)

const isCi = (process.env['CI'] ?? '') !== '' && process.env['CI'] !== 'false'

/** Path of a file or folder of the testdata, whether or not it exists. */
export function testdata(...segments: string[]): string {
  return join(testdataRoot, ...segments)
}

/** `describe` for suites that need testdata: without it they are skipped with a message, and under `CI` they fail. */
export function describeWithTestdata(name: string, suite: () => void): void {
  if (hasTestdata) {
    describe(name, suite)
    return
  }
  const reason = `no testdata at ${testdataRoot}; set HENCE_TESTDATA to the folder that holds it`
  describe(name, () => {
    if (!isCi) {
      test.skip(`skipped: ${reason}`, () => {})
      return
    }
    test('testdata is present', () => {
      throw new TypeError(`${reason} (under CI this is a failure)`)
    })
  })
}
