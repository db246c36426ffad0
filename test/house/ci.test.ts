import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { repositoryRoot } from './repository.ts'

const folder = mkdtempSync(join(tmpdir(), 'hence-reports-'))
afterAll(() => rmSync(folder, { recursive: true }))

function writeReport(name: string, files: Record<string, Record<string, string>>): void {
  const testResults = Object.entries(files).map(([file, tests]) => {
    const assertionResults = Object.entries(tests).map(([fullName, status]) => ({ fullName, status }))
    const hasFailed = assertionResults.length === 0 || assertionResults.some(({ status }) => status === 'failed')
    return { name: file, status: hasFailed ? 'failed' : 'passed', assertionResults }
  })
  writeFileSync(join(folder, name), JSON.stringify({ testResults }))
}

function sum(failedSteps: number): { stdout: string; status: number | null } {
  const { stdout, status } = spawnSync(process.execPath, ['scripts/sum-reports.mjs', folder, String(failedSteps)], {
    cwd: repositoryRoot,
    encoding: 'utf8',
  })
  return { stdout, status }
}

test('the closing line counts each test once and fails with any step', () => {
  expect(sum(0)).toEqual({ stdout: '0 passed, 0 failed, 0 skipped\n', status: 1 })
  writeReport('a.json', { 'x.test.ts': { one: 'passed', two: 'pending', three: 'skipped' } })
  writeReport('b.json', { 'x.test.ts': { one: 'passed', two: 'passed' } })
  expect(sum(0)).toEqual({ stdout: '2 passed, 0 failed, 1 skipped\n', status: 0 })
  expect(sum(1)).toEqual({ stdout: '2 passed, 1 failed, 1 skipped\n', status: 1 })
  writeReport('c.json', { 'x.test.ts': { one: 'failed' }, 'does-not-load.test.ts': {} })
  expect(sum(1)).toEqual({ stdout: '1 passed, 2 failed, 1 skipped\n', status: 1 })
})

test('the README names the test command that continuous integration runs', () => {
  const { stdout } = spawnSync(process.execPath, ['scripts/readme-command.mjs', 'Test'], { cwd: repositoryRoot, encoding: 'utf8' })
  expect(stdout).toBe('npm test\n')
})
