import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { readText, repositoryRoot } from './repository.ts'

const folder = mkdtempSync(join(tmpdir(), 'hence-setup-'))
afterAll(() => rmSync(folder, { recursive: true }))

function runNode(args: readonly string[], env: NodeJS.ProcessEnv = {}): { status: number | null; stderr: string; stdout: string } {
  return spawnSync(process.execPath, args, { cwd: repositoryRoot, encoding: 'utf8', env: { ...process.env, ...env } })
}

test('without a compiler the native build says what to install and lets set-up go on', () => {
  const env = { CXX: 'no-such-compiler' }
  const optional = runNode(['scripts/build-native.mjs', '--optional'], env)
  expect(optional.stderr).toMatch(/no C\+\+ compiler found\. .+\. Until then Hence runs on its TypeScript backend/)
  expect(optional.stderr.trim().split('\n')).toHaveLength(1)
  expect(optional.status).toBe(0)
  expect(runNode(['scripts/build-native.mjs'], env).status).toBe(1)
})

test('the setup scripts need nothing from node_modules', () => {
  for (const script of ['setup', 'build-native', 'native-targets', 'lock', 'start']) {
    const imports = [...readText(`scripts/${script}.mjs`).matchAll(/from '([^']+)'/g)].map(match => match[1]!)
    expect(imports.filter(name => !name.startsWith('node:') && !name.startsWith('./'))).toEqual([])
  }
})

const lockModule = pathToFileURL(join(repositoryRoot, 'scripts/lock.mjs')).href

/** Holds the lock in another process while `body` runs there. */
function lockedProgram(lock: string, body: string): string[] {
  return [
    '--input-type=module',
    '--eval',
    `import { withLock } from '${lockModule}'; await withLock(${JSON.stringify(lock)}, async () => { ${body} })`,
  ]
}

test('a lock left by a process that died is taken over', () => {
  const lock = join(folder, 'stale')
  const died = runNode(lockedProgram(lock, 'process.exit(3)'))
  expect(died.status).toBe(3)
  expect(existsSync(lock)).toBe(true)
  expect(runNode(lockedProgram(lock, "console.log('mine')")).stdout).toBe('mine\n')
  expect(existsSync(lock)).toBe(false)
})

test('work under the lock never overlaps, also when many find a stale lock at once', () => {
  const lock = join(folder, 'busy')
  const trace = join(folder, 'trace')
  runNode(lockedProgram(lock, 'process.exit(3)'))
  writeFileSync(trace, '')
  const body = `
    const { appendFileSync } = await import('node:fs')
    appendFileSync(${JSON.stringify(trace)}, '<')
    await new Promise(resolve => setTimeout(resolve, 30))
    appendFileSync(${JSON.stringify(trace)}, '>')`
  const script = `
    const { spawn } = require('node:child_process')
    for (let i = 0; i < 4; i++) spawn(process.execPath, ${JSON.stringify(lockedProgram(lock, body))}, { stdio: 'inherit' })`
  runNode(['--eval', script])
  expect(readFileSync(trace, 'utf8')).toBe('<><><><>')
})
