import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryWeights } from '../../../test/memory-weights.ts'
import { buffersOf, type Program, ProgramBuilder } from '../../program/index.ts'
import { referenceBackend } from '../reference/index.ts'
import { findAddon } from './load-addon.ts'
import { nativeBackend } from './native-backend.ts'
import { tuneConvolutions } from './tune-convolutions.ts'
import { forgetTuning } from './tuning-cache.ts'

/** Two 3x3 convolutions that either algorithm suits, one that only matrix products do, and one of few operations. */
function program(): Program {
  const b = new ProgramBuilder('convolutions')
  const x = b.input('x', 'f32', [1, 20, 20, 32])
  const conv = (name: string, from: typeof x, [n, size, depth]: readonly [number, number, number], strides: [number, number] = [1, 1]) =>
    b.op('conv', name, [from, b.weight({ tensor: name }, [n, size, size, depth])], { strides, pads: [1, 1, 1, 1] })
  const first = conv('first', x, [32, 3, 32])
  const second = conv('second', first, [48, 3, 32])
  const third = conv('third', second, [16, 3, 48], [2, 2])
  b.output('y', conv('last', third, [4, 3, 16]))
  return b.build()
}

const algorithms = ({ instructions }: Program): unknown[] => instructions.map(({ attributes }) => attributes['algorithm'])

describe.runIf(findAddon().addon)('tuning', () => {
  const root = mkdtempSync(join(tmpdir(), 'hence-tuning-'))
  const folder = join(root, 'packed')
  afterAll(() => {
    vi.unstubAllEnvs()
    rmSync(root, { recursive: true })
  })
  beforeEach(() => {
    vi.unstubAllEnvs()
    vi.stubEnv('HENCE_CACHE', root)
    rmSync(folder, { recursive: true, force: true })
    forgetTuning()
  })

  const addon = findAddon().addon!
  const target = addon?.targets()[0] ?? ''
  const device = addon?.createDevice(1, target)
  const tune = (given = program()): Promise<Program> =>
    tuneConvolutions(given, { addon, device, target, threads: 1, precision: 'exact', signal: undefined })
  const files = (): string[] => readdirSync(folder).map(name => join(folder, name))

  test('measures what has a choice, and keeps the answers', async () => {
    const tuned = algorithms(await tune())
    expect(tuned.map(Boolean)).toEqual([true, true, false, false])
    const [file, ...others] = files()
    expect(others).toEqual([])
    expect(file).toMatch(/\.tuned$/)
    expect(Object.values(JSON.parse(readFileSync(file!, 'utf8')))).toEqual(tuned.slice(0, 2))
  })

  test('takes the answers of an earlier start, whatever they are', async () => {
    await tune()
    const [file] = files()
    for (const answer of ['direct', 'winograd']) {
      const answers = JSON.parse(readFileSync(file!, 'utf8')) as Record<string, string>
      writeFileSync(file!, JSON.stringify(Object.fromEntries(Object.keys(answers).map(key => [key, answer]))))
      forgetTuning()
      expect(algorithms(await tune())).toEqual([answer, answer, undefined, undefined])
    }
  })

  test.each(['', '[1', 'null', '{"1x20x20x32 32x32 1,1,1,1":"magic"}'])('measures again where the file says %j', async content => {
    await tune()
    const [file] = files()
    writeFileSync(file!, content)
    forgetTuning()
    expect(algorithms(await tune()).map(Boolean)).toEqual([true, true, false, false])
  })

  test('keeps what others have written in the meantime', async () => {
    await tune()
    const [file] = files()
    const answers = JSON.parse(readFileSync(file!, 'utf8')) as Record<string, string>
    forgetTuning()
    rmSync(file!)
    const tuning = tune()
    writeFileSync(file!, JSON.stringify({ elsewhere: 'direct' }))
    await tuning
    expect(Object.keys(JSON.parse(readFileSync(file!, 'utf8'))).sort()).toEqual([...Object.keys(answers), 'elsewhere'].sort())
    expect(files()).toEqual([file])
  })

  test('several at once leave one whole file', async () => {
    await Promise.all([tune(), tune(), tune()])
    expect(files()).toHaveLength(1)
    expect(Object.keys(JSON.parse(readFileSync(files()[0]!, 'utf8')))).toHaveLength(2)
  })

  test('goes by rule without a cache, where none can be made, and when told to', async () => {
    vi.stubEnv('HENCE_CACHE', 'off')
    expect(algorithms(await tune()).some(Boolean)).toBe(false)
    mkdirSync(root, { recursive: true })
    writeFileSync(join(root, 'file'), '')
    vi.stubEnv('HENCE_CACHE', join(root, 'file'))
    expect(algorithms(await tune()).some(Boolean)).toBe(false)
    vi.stubEnv('HENCE_CACHE', root)
    vi.stubEnv('HENCE_TUNE', 'off')
    expect(algorithms(await tune()).some(Boolean)).toBe(false)
  })

  test('computes the same either way', async () => {
    const given = program()
    const weights = memoryWeights(
      Object.fromEntries(
        buffersOf(given, 'weight').map(({ source, shape }) => {
          const count = (shape as number[]).reduce((product, size) => product * size, 1)
          return [
            source!.tensor as string,
            { shape: shape as number[], data: Float32Array.from({ length: count }, (_, i) => Math.cos(i * 1.7) / 16) },
          ]
        }),
      ),
    )
    const x = Float32Array.from({ length: 20 * 20 * 32 }, (_, i) => Math.sin(i))
    const run = async (backend: ReturnType<typeof referenceBackend>): Promise<Float32Array> => {
      const executable = await backend.compile(given, weights, { precision: 'exact', limits: {} })
      const execution = executable.createExecution()
      const { y } = await execution.run({ x }, {})
      const data = (y!.data as Float32Array).slice()
      execution.dispose()
      executable.dispose()
      backend.dispose()
      return data
    }
    const expected = await run(referenceBackend())
    const actual = await run(nativeBackend({ threads: 1 }))
    const scale = Math.max(...expected.map(Math.abs))
    for (const [i, value] of actual.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-4 * scale)
  })
})
