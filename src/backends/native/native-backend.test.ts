import { existsSync, mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isHenceError } from '../../core/index.ts'
import { openGguf, quantize, writeGguf } from '../../formats/index.ts'
import { boundDim, ProgramBuilder } from '../../program/index.ts'
import { openBackend } from '../open-backend.ts'
import { listCache } from './cache-folder.ts'
import { findAddon } from './load-addon.ts'
import { forceTarget, nativeBackend, targets } from './native-backend.ts'

const ROWS = 2048
const WIDTH = 2048

/** `y = x · wᵀ`, with a weight large enough for the cache. */
function program() {
  const b = new ProgramBuilder('one matmul')
  const x = b.input('x', 'f32', [boundDim('T'), WIDTH])
  b.output('y', b.op('matmul', 'y', [x, undefined, undefined, b.weight({ tensor: 'w' }, [ROWS, WIDTH]), undefined], {}))
  return b.build()
}

describe.runIf(findAddon().addon)('native backend', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hence-native-'))
  const path = join(folder, 'model.gguf')
  const written = writeGguf(path, {
    metadata: { 'general.architecture': 'test' },
    tensors: [{ name: 'w', type: 'f16', shape: [ROWS, WIDTH], data: quantize('f16', new Float32Array(ROWS * WIDTH).fill(0.5)) }],
  })
  const saved = process.env['HENCE_CACHE']
  beforeEach(() => {
    process.env['HENCE_CACHE'] = join(folder, 'cache')
  })
  afterEach(() => {
    if (saved === undefined) delete process.env['HENCE_CACHE']
    else process.env['HENCE_CACHE'] = saved
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const cacheFolder = join(folder, 'cache', 'packed')
  const packedFiles = async () => (await listCache(cacheFolder)).filter(({ path: file }) => file.endsWith('.packed'))

  /** Loads the model and multiplies once. @returns stages that loading went through */
  async function start(): Promise<Set<string>> {
    await written
    const backend = openBackend({ backend: 'native', threads: 2 })
    const file = await openGguf(path)
    const stages = new Set<string>()
    const limits = { T: 600 }
    const executable = await backend.compile(program(), file, { precision: 'exact', limits, onProgress: ({ stage }) => stages.add(stage) })
    const execution = executable.createExecution()
    const { y } = await execution.run({ x: new Float32Array(WIDTH).fill(1) }, { T: 1 })
    expect(y!.data[0]).toBe(1024)
    expect(y!.data[ROWS - 1]).toBe(1024)
    execution.dispose()
    executable.dispose()
    backend.dispose()
    await file.close()
    return stages
  }

  const settled = () => expect.poll(async () => (await packedFiles()).length, { timeout: 10_000 }).toBe(1)

  it('packs at the first start and maps at the second', async () => {
    expect(await start()).toEqual(new Set(['hash', 'pack']))
    await settled()
    expect(await start()).toEqual(new Set())
  })

  it('packs again when a packed file was cut short', async () => {
    const [file] = await packedFiles()
    truncateSync(file!.path, file!.bytes - 4096)
    expect(await start()).toEqual(new Set(['pack']))
    await expect.poll(async () => (await packedFiles())[0]?.bytes, { timeout: 10_000 }).toBe(file!.bytes)
  })

  it('lets several starts pack at once', async () => {
    rmSync(cacheFolder, { recursive: true })
    await Promise.all([start(), start(), start()])
    await settled()
    await expect.poll(async () => (await listCache(cacheFolder)).filter(({ path: file }) => file.endsWith('.partial')).length).toBe(0)
  })

  it('goes without a cache that cannot be made or is switched off', async () => {
    process.env['HENCE_CACHE'] = path // a file, so that no folder can be made there
    expect(await start()).toEqual(new Set(['pack']))
    process.env['HENCE_CACHE'] = 'off'
    expect(await start()).toEqual(new Set(['pack']))
  })

  it('reserves the disk before it maps a file, and leaves nothing when there is too little', () => {
    const huge = join(folder, 'huge')
    expect(findAddon().addon!.regionCreateFile(huge, 2 ** 45)).toBeGreaterThan(0)
    expect(existsSync(huge)).toBe(false)
  })

  it('stops a step within an instruction when its signal fires', async () => {
    const backend = nativeBackend({ threads: 2 })
    const file = await openGguf(path)
    const executable = await backend.compile(program(), file, { precision: 'exact', limits: { T: 600 } })
    const execution = executable.createExecution()
    const controller = new AbortController()
    const inputs = { x: new Float32Array(600 * WIDTH) }
    const run = execution.run(inputs, { T: 600 }, { signal: controller.signal })
    controller.abort()
    await expect(run).rejects.toSatisfy(error => isHenceError(error, 'ABORTED'))
    const { y } = await execution.run(inputs, { T: 1 })
    expect(y!.data[0]).toBe(0)
    execution.dispose()
    await expect(execution.run(inputs, { T: 1 })).rejects.toSatisfy(error => isHenceError(error, 'DISPOSED'))
    executable.dispose()
    backend.dispose()
    await file.close()
  })

  it('refuses inputs that are missing or too short, and dims beyond their limit', async () => {
    const backend = nativeBackend({ threads: 1 })
    const file = await openGguf(path)
    const executable = await backend.compile(program(), file, { precision: 'exact', limits: { T: 4 } })
    const execution = executable.createExecution()
    for (const [inputs, dims] of [
      [{}, { T: 1 }],
      [{ x: new Float32Array(5) }, { T: 1 }],
      [{ x: new Float32Array(5 * WIDTH) }, { T: 5 }],
    ] as const)
      await expect(execution.run(inputs as Record<string, Float32Array>, dims)).rejects.toSatisfy(error =>
        isHenceError(error, 'OPTION_INVALID'),
      )
    execution.dispose()
    executable.dispose()
    backend.dispose()
    await file.close()
  })

  it('uses the instruction set it is told to', () => {
    const last = targets().at(-1)!
    forceTarget(last)
    expect(nativeBackend({ threads: 1 }).target).toBe(last)
    forceTarget(undefined)
    expect(nativeBackend({ threads: 1 }).target).toBe(targets()[0])
    expect(() => forceTarget('mmx')).toThrow(/mmx/)
  })
})
