import { existsSync, writeFileSync } from 'node:fs'
import { mkdtemp, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { warningsDuring } from '../../test/warnings.ts'
import { BlockStore, type BlockStoreOptions } from './block-store.ts'

vi.mock('node:fs/promises', { spy: true })

const BLOCK_BYTES = 1_000
/** Of a file: mark, two digests, content. */
const FILE_BYTES = 72 + BLOCK_BYTES

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hence-blocks-'))
})
afterEach(async () => {
  vi.resetAllMocks()
  await rm(folder, { recursive: true, force: true })
})

function openStore(options: Partial<BlockStoreOptions> = {}): Promise<BlockStore> {
  return BlockStore.open({ folder, identity: 'model', blockBytes: BLOCK_BYTES, maxBytes: 1e6, ...options })
}

const contentOf = (seed: number): Uint8Array => Uint8Array.from({ length: BLOCK_BYTES }, (_, i) => (i * 7 + seed) % 256)

async function keep(store: BlockStore, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) store.write(key, content => content.set(contentOf(key.length)))
  await store.flush()
}

/** The only file there is. */
const theFile = async (): Promise<string> => join(folder, (await readdir(folder))[0]!)

test('blocks are found by whoever opens the folder later', async () => {
  const store = await openStore()
  expect([store.has('a'), await store.read('a')]).toEqual([false, undefined])
  await keep(store, 'a', 'bb')
  for (const one of [store, await openStore()]) {
    expect([one.has('a'), one.has('bb'), one.has('c')]).toEqual([true, true, false])
    expect(await one.read('bb')).toEqual(contentOf(2))
  }
  expect((await stat(await theFile())).mode & 0o077).toBe(0)
})

test('blocks of another identity are others', async () => {
  await keep(await openStore(), 'a')
  const other = await openStore({ identity: 'other' })
  expect([other.has('a'), await other.read('a')]).toEqual([false, undefined])
})

describe('a file is ignored and removed', () => {
  test.each<[string, (path: string) => Promise<void>]>([
    ['cut short', async path => writeFile(path, (await readFile(path)).subarray(0, -1))],
    ['empty', path => writeFile(path, '')],
    ['longer', async path => writeFile(path, Buffer.concat([await readFile(path), Buffer.of(0)]))],
    ...[0, 8, 40, 72, FILE_BYTES - 1].map((at): [string, (path: string) => Promise<void>] => [
      `damaged at byte ${at}`,
      async path => {
        const file = await readFile(path)
        file[at]! ^= 1
        await writeFile(path, file)
      },
    ]),
  ])('that is %s', async (_, damage) => {
    await keep(await openStore(), 'a')
    await damage(await theFile())
    const store = await openStore()
    expect(await store.read('a')).toBeUndefined()
    expect([store.has('a'), await readdir(folder)]).toEqual([false, []])
    // It can be kept again.
    await keep(store, 'a')
    expect(await store.read('a')).toEqual(contentOf(1))
  })

  test('that belongs under another name', async () => {
    const store = await openStore()
    await keep(store, 'a')
    const first = await theFile()
    await keep(store, 'bb')
    const second = (await readdir(folder)).map(name => join(folder, name)).find(path => path !== first)!
    await rename(second, first)
    expect(await store.read('a')).toBeUndefined()
    expect(await readdir(folder)).toEqual([])
  })
})

test('files that are no blocks are left alone, but for what was long ago left half written', async () => {
  await writeFile(join(folder, 'notes.txt'), 'mine')
  await writeFile(join(folder, 'x.1.partial'), 'now')
  await writeFile(join(folder, 'y.1.partial'), 'then')
  await utimes(join(folder, 'y.1.partial'), 1, 1)
  await keep(await openStore({ maxBytes: FILE_BYTES }), 'a', 'bb')
  expect((await readdir(folder)).filter(name => !name.endsWith('.kv'))).toEqual(['notes.txt', 'x.1.partial'])
})

describe('the bound', () => {
  const bytesThere = async (): Promise<number> => {
    const sizes = await Promise.all((await readdir(folder)).map(async name => (await stat(join(folder, name))).size))
    return sizes.reduce((sum, size) => sum + size, 0)
  }

  test('is kept, and the blocks not used for longest go', async () => {
    const store = await openStore({ maxBytes: 10 * FILE_BYTES })
    const keys = Array.from({ length: 10 }, (_, i) => `key ${i}`)
    await keep(store, keys[0]!)
    const oldest = await theFile()
    await keep(store, ...keys)
    for (const name of await readdir(folder)) await utimes(join(folder, name), 1_000, 1_000)
    await utimes(oldest, 500, 500)
    await store.read('key 0')
    await keep(store, 'one more')
    expect(await bytesThere()).toBeLessThanOrEqual(10 * FILE_BYTES)
    expect([store.has('key 0'), store.has('one more'), keys.filter(key => store.has(key)).length]).toEqual([true, true, 8])
    expect((await readdir(folder)).length).toBe(9)
  })

  test('holds for what is there at the start and for what others write', async () => {
    await keep(await openStore(), ...Array.from({ length: 20 }, (_, i) => `key ${i}`))
    const store = await openStore({ maxBytes: 10 * FILE_BYTES })
    expect(await bytesThere()).toBeLessThanOrEqual(10 * FILE_BYTES)
    await keep(await openStore(), ...Array.from({ length: 20 }, (_, i) => `other ${i}`))
    await keep(store, 'mine')
    expect(await bytesThere()).toBeLessThanOrEqual(10 * FILE_BYTES)
  })

  test('may leave no room at all', async () => {
    const store = await openStore({ maxBytes: FILE_BYTES - 1 })
    await keep(store, 'a')
    expect([store.has('a'), await readdir(folder)]).toEqual([false, []])
  })
})

describe('a disk that fails', () => {
  test('at the start is told', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(openStore({ folder: join(folder, 'file') })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(openStore({ folder: join(folder, 'file', 'below') })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: `the folder ${join(folder, 'file', 'below')} for blocks cannot be made or read: it is no folder`,
    })
  })

  test('later only means that less is found, and is told once', async () => {
    const store = await openStore()
    await keep(store, 'a')
    await rm(folder, { recursive: true })
    const warnings = await warningsDuring(async () => {
      expect(await store.read('a')).toBeUndefined()
      await keep(store, 'bb', 'ccc')
    })
    expect(['a', 'bb', 'ccc'].filter(key => store.has(key))).toEqual([])
    expect(warnings).toEqual([
      {
        code: 'CACHE_FAILED',
        message: `blocks cannot be written in ${folder}: there is no such folder`,
        hint: expect.stringContaining('mend the folder or choose another'),
        details: { folder, reason: 'ENOENT' },
      },
    ])
  })

  /** What Node throws. */
  const failure = (code: string): Error => Object.assign(new Error(code), { code })

  test('by being full leaves nothing half written, and is used again when there is room', async () => {
    const store = await openStore()
    await keep(store, 'a')
    vi.mocked(writeFile).mockImplementation(async (path, content) => {
      writeFileSync(path as string, (content as Uint8Array).subarray(0, FILE_BYTES / 2))
      throw failure('ENOSPC')
    })
    const warnings = await warningsDuring(() => keep(store, 'bb', 'ccc'))
    expect(warnings).toMatchObject([{ message: `blocks cannot be written in ${folder}: the disk is full`, details: { reason: 'ENOSPC' } }])
    expect(await readdir(folder)).toHaveLength(1)
    for (const one of [store, await openStore()]) {
      expect([one.has('a'), one.has('bb'), one.has('ccc')]).toEqual([true, false, false])
      expect([await one.read('a'), await one.read('bb')]).toEqual([contentOf(1), undefined])
    }
    vi.mocked(writeFile).mockReset()
    await keep(store, 'bb')
    expect(await store.read('bb')).toEqual(contentOf(2))
  })

  test('to remove as well leaves what is not taken for a block', async () => {
    const store = await openStore()
    vi.mocked(rename).mockRejectedValue(failure('EIO'))
    vi.mocked(rm).mockRejectedValue(failure('EIO'))
    expect(await warningsDuring(() => keep(store, 'a'))).toMatchObject([{ message: `blocks cannot be written in ${folder}: EIO` }])
    vi.resetAllMocks()
    expect(await readdir(folder)).toEqual([expect.stringMatching(/\.partial$/)])
    expect((await openStore()).has('a')).toBe(false)
  })

  test('to be read is told once', async () => {
    const store = await openStore()
    await keep(store, 'a', 'bb')
    vi.mocked(open).mockRejectedValue(failure('EACCES'))
    const warnings = await warningsDuring(async () => {
      for (const key of ['a', 'bb']) expect(await store.read(key)).toBeUndefined()
    })
    expect(warnings).toMatchObject([{ message: `blocks cannot be read in ${folder}: this user may not` }])
  })

  test.skipIf(!existsSync('/proc/self/fdinfo'))('a folder that nobody may write to keeps nothing', async () => {
    const store = await openStore({ folder: '/proc/self/fdinfo' })
    const warnings = await warningsDuring(() => keep(store, 'a', 'bb'))
    expect([store.has('a'), store.has('bb')]).toEqual([false, false])
    expect(warnings).toMatchObject([{ code: 'CACHE_FAILED', details: { folder: '/proc/self/fdinfo' } }])
  })

  test('what another process removed is no failure', async () => {
    const store = await openStore()
    await keep(store, 'a')
    await rm(await theFile())
    expect(await warningsDuring(async () => expect(await store.read('a')).toBeUndefined())).toEqual([])
  })
})

test('two that write the same at once do not harm each other', async () => {
  const stores = await Promise.all([openStore(), openStore()])
  const keys = Array.from({ length: 20 }, (_, i) => 'k'.repeat(i + 1))
  await Promise.all(stores.map(store => keep(store, ...keys)))
  const reader = await openStore()
  for (const key of keys) expect(await reader.read(key)).toEqual(contentOf(key.length))
  expect(await readdir(folder)).toHaveLength(20)
})
