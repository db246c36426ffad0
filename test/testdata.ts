/**
 * Where tests find real models and reference answers. They are too large for the repository and live in a folder
 * beside it: `HENCE_TESTDATA`, else `../shared/testdata` next to the repository root.
 */
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { hasTestdata, missingTestdata, testdataRoot } from './testdata-root.ts'

export { hasTestdata, testdataRoot }

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
  describe(name, () => {
    if (!isCi) {
      test.skip(`skipped: ${missingTestdata}`, () => {})
      return
    }
    test('testdata is present', () => {
      throw new TypeError(`${missingTestdata} (under CI this is a failure)`)
    })
  })
}
