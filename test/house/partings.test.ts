import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { partings } from '../conformance/llm/partings.ts'
import { tinyModelFolder } from '../tiny-model.ts'
import { repositoryRoot } from './repository.ts'

describe('where two computations part', () => {
  test('in the order of computation', () => {
    const names = ['logits', 'layer10', 'layer2', 'layer2.q', 'layer2.mixer_norm', 'embeddings', 'final_norm', 'encoder.layer0']
    const taps = Object.fromEntries(names.map(name => [name, Float32Array.of(1)]))
    expect(partings(taps, taps).map(({ tap }) => tap)).toEqual([
      ...['encoder.layer0', 'embeddings', 'layer2.mixer_norm', 'layer2.q', 'layer2', 'layer10', 'final_norm', 'logits'],
    ])
  })

  test('by how much, relative to large numbers; never for NaN or another length', () => {
    const one = { a: Float32Array.of(0.5, 100), b: Float32Array.of(Number.NaN), c: Float32Array.of(1, 2), mine: Float32Array.of(1) }
    const other = { a: Float32Array.of(0.5, 101), b: Float32Array.of(0), c: Float32Array.of(1), theirs: Float32Array.of(1) }
    expect(partings(one, other)).toEqual([
      { tap: 'a', difference: 1 / 101 },
      { tap: 'b', difference: Infinity },
      { tap: 'c', difference: Infinity },
    ])
  })
})

describe('compare-with-transformers', () => {
  let folder: Awaited<ReturnType<typeof tinyModelFolder>>
  let scratch: string

  beforeAll(async () => {
    folder = await tinyModelFolder()
    scratch = mkdtempSync(join(tmpdir(), 'hence-compare-test-'))
  })

  afterAll(() => {
    folder.remove()
    rmSync(scratch, { recursive: true })
  })

  const compare = (python: string): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, [join(repositoryRoot, 'scripts/compare-with-transformers.mjs'), folder.path], {
      encoding: 'utf8',
      env: { ...process.env, HENCE_PYTHON: python },
    })

  test('without a Python it says what is missing', () => {
    const { status, stderr } = compare(join(scratch, 'no-python'))
    expect([status, stderr]).toEqual([2, expect.stringContaining('install torch, transformers and safetensors, or set HENCE_PYTHON')])
  })

  test.skipIf(!process.env['HENCE_PYTHON'])('a checkpoint is the same all the way', () => {
    const { status, stdout } = compare(process.env['HENCE_PYTHON']!)
    expect([status, stdout]).toEqual([0, expect.stringContaining('The same to 0.0002 at all 19 places')])
  })
})
