import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const native = fileURLToPath(new URL('../../../native', import.meta.url))
const compiler = process.env['CXX'] ?? 'g++'
const hasCompiler = spawnSync(compiler, ['--version']).status === 0

test.skipIf(!hasCompiler || process.platform === 'win32')('a region ends whenever its threads finish', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hence-pool-'))
  try {
    const program = join(folder, 'pool')
    const sources = [join(native, 'pool.cc'), join(native, 'test', 'pool_test.cc')]
    const compiled = spawnSync(compiler, ['-std=c++20', '-O2', '-pthread', '-DHENCE_BARRIER_SPINS=0', ...sources, '-o', program])
    expect(compiled.stderr.toString()).toBe('')
    const { signal, stdout } = spawnSync(program, { timeout: 45_000 })
    expect({ signal, said: stdout.toString() }).toEqual({ signal: null, said: expect.stringMatching(/^[1-9]\d* regions\n$/) })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
