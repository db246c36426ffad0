import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProjectConfiguration } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What a test file may leave behind for others in its process: modules that are not themselves, another environment. */
const LEAVES_TRACES = /\bvi\.(mock|stub|reset)|process\.env\[[^\]]*\] = |\bforceTarget\(/

/**
 * The test files of folders as two projects. Those that leave nothing behind share a process and its modules: with every
 * file again, imports would take as long as the tests. The others run apart.
 */
export function projectsOf(
  folders: readonly string[],
  isWanted: (file: string) => boolean,
  testTimeout: number,
): TestProjectConfiguration[] {
  const files = folders
    .flatMap(folder => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(name => join(folder, name)))
    .filter(file => file.endsWith('.test.ts') && isWanted(file))
  const isApart = (file: string): boolean => LEAVES_TRACES.test(readFileSync(join(root, file), 'utf8'))
  const project = (name: string, include: string[], isolate: boolean): TestProjectConfiguration => ({
    extends: true,
    test: { name, include, isolate, testTimeout },
  })
  return [
    project(
      'together',
      files.filter(file => !isApart(file)),
      false,
    ),
    project('apart', files.filter(isApart), true),
  ]
}
