import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const repositoryRoot = fileURLToPath(new URL('..', import.meta.url))

/** Folder of the reference models and answers; it may not exist, see {@link hasTestdata}. */
export const testdataRoot: string = resolve(process.env['HENCE_TESTDATA'] ?? join(repositoryRoot, '..', 'shared', 'testdata'))

/** True when the reference models and answers are on this machine. */
export const hasTestdata: boolean = existsSync(testdataRoot)

/** What to say where they are not. */
export const missingTestdata: string = `no testdata at ${testdataRoot}; set HENCE_TESTDATA to the folder that holds it`

/** Runs once before all tests. */
export function setup(): void {
  if (!hasTestdata) console.warn(`hence: ${missingTestdata}. Tests that need it are skipped.`)
}
