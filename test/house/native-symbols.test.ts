import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { repositoryRoot } from './repository.ts'

const objects = join(repositoryRoot, 'build/native/objects')

/**
 * Of a weak function (an inline one, say) that several objects define, the linker keeps any one. If that one was compiled
 * for AVX-512, the baseline runs it too and the process dies on an older processor.
 */
describe.skipIf(!existsSync(objects))('objects of the native backend', () => {
  test('no instruction set shares a weak symbol with another or with what runs everywhere', () => {
    const holders = new Map<string, string[]>()
    for (const object of readdirSync(objects).filter(name => name.endsWith('.o'))) {
      const lines = execFileSync('nm', ['--demangle', '--defined-only', join(objects, object)], { encoding: 'utf8' }).split('\n')
      for (const line of lines) {
        const symbol = /^[0-9a-f]+ [WVu] (.+)$/.exec(line)?.[1]
        if (symbol) holders.set(symbol, [...(holders.get(symbol) ?? []), object])
      }
    }
    const targetOf = (object: string): string => object.split('-', 1)[0]!
    const shared = [...holders].filter(([, names]) => new Set(names.map(targetOf)).size > 1)
    expect(shared).toEqual([])
  })
})
