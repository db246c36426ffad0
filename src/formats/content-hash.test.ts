import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ByteFile } from './byte-file.ts'
import type { FileIdentity } from './checkpoint.ts'
import { contentHash, type HashProgress, rememberedContentHash } from './content-hash.ts'

const folder = mkdtempSync(join(tmpdir(), 'hence-hash-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function save(name: string, bytes: Uint8Array): Promise<FileIdentity> {
  writeFileSync(join(folder, name), bytes)
  const file = await ByteFile.open(join(folder, name))
  await file.close()
  return file.identity
}

const LARGE = 20 * 2 ** 20 + 3

test('depends on content and order, not on names', async () => {
  const bytes = new Uint8Array(LARGE).fill(7)
  const a = await save('a', bytes)
  const copy = await save('copy', bytes)
  bytes[LARGE - 1]! ^= 1
  const b = await save('b', bytes)
  expect(await contentHash([a])).toMatch(/^[0-9a-f]{64}$/)
  expect(await contentHash([a])).toBe(await contentHash([copy]))
  expect(await contentHash([a])).not.toBe(await contentHash([b]))
  expect(await contentHash([a, b])).not.toBe(await contentHash([b, a]))
})

test('where one file ends and the next begins counts', async () => {
  const files = [await save('x', Buffer.from('ab')), await save('y', Buffer.from('c'))]
  const others = [await save('z', Buffer.from('a')), await save('w', Buffer.from('bc'))]
  expect(await contentHash(files)).not.toBe(await contentHash(others))
  expect(await contentHash([await save('empty', new Uint8Array(0))])).toMatch(/^[0-9a-f]{64}$/)
})

test('reports progress and stops when aborted', async () => {
  const file = await save('progress', new Uint8Array(LARGE))
  const seen: HashProgress[] = []
  await contentHash([file], { onProgress: progress => seen.push(progress) })
  expect(seen.map(({ bytesDone }) => bytesDone)).toEqual([8 * 2 ** 20, 16 * 2 ** 20, LARGE])
  expect(seen.every(({ bytesTotal }) => bytesTotal === LARGE)).toBe(true)
  const controller = new AbortController()
  await expect(contentHash([file], { signal: controller.signal, onProgress: () => controller.abort() })).rejects.toMatchObject({
    code: 'ABORTED',
  })
})

test('a file that changed since it was identified is refused', async () => {
  const file = await save('changing', Buffer.from('before'))
  writeFileSync(file.path, 'afterwards')
  await expect(contentHash([file])).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
})

test('is remembered in a folder, and computed again where that cannot be written to', async () => {
  const notes = mkdtempSync(join(folder, 'notes-'))
  const file = await save('remembered', Buffer.from('content'))
  let hashed = 0
  const remembered = (where: string): Promise<string> => rememberedContentHash(where, [file], { onProgress: () => hashed++ })
  const hash = await contentHash([file])
  expect([await remembered(notes), await remembered(notes), hashed]).toEqual([hash, hash, 1])
  writeFileSync(join(notes, readdirSync(notes)[0]!), 'damaged')
  expect([await remembered(notes), hashed]).toEqual([hash, 2])
  for (const nowhere of [join(notes, 'none'), file.path]) expect(await remembered(nowhere)).toBe(hash)
  expect(hashed).toBe(4)
})
