import { mkdirSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  cachedCommit,
  folderName,
  linkIntoSnapshot,
  listSnapshot,
  rememberCommit,
  repositoryCache,
  repositoryOf,
  snapshotFolder,
} from './hub-cache.ts'
import { isSafePath, requireSafePath } from './safe-path.ts'

const COMMIT = 'a'.repeat(40)
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hence-hub-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('the folder of a repository stands for it', () => {
  expect(folderName('org/name')).toBe('models--org--name')
  expect(repositoryOf('models--org--name')).toBe('org/name')
  expect(repositoryOf('models--gpt2')).toBe('gpt2')
  expect(repositoryOf('datasets--org--name')).toBeUndefined()
  expect(repositoryOf('blobs')).toBeUndefined()
})

test.each(['', '/a', 'a/', 'a//b', '.', '..', '../a', 'a/..', 'a/../../b', './a', 'a\\b', '..\\a', 'C:a', 'a\0b', 'a\nb', 'x'.repeat(300)])(
  'the path %j is refused',
  path => {
    expect(isSafePath(path)).toBe(false)
    expect(() => requireSafePath(path, 'org/name')).toThrow(expect.objectContaining({ code: 'HUB_INVALID' }))
  },
)

test('a path that is let through stays below its folder', () => {
  const part = fc.oneof(fc.constantFrom('.', '..', '', 'a', 'C:', '\\', '...', ' '), fc.string({ unit: 'binary', maxLength: 4 }))
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), parts => {
      const path = parts.join('/')
      if (isSafePath(path)) expect(join('/root', path).startsWith(`${sep}root${sep}`)).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('a file of a snapshot is a relative link to its content, and is listed', async () => {
  const cache = repositoryCache(folder, 'org/name')
  mkdirSync(cache.blobs, { recursive: true })
  writeFileSync(join(cache.blobs, 'abc'), 'content')
  const pointer = await linkIntoSnapshot(cache, COMMIT, 'onnx/model.onnx', 'abc')
  expect(readlinkSync(pointer)).toBe(join('..', '..', '..', 'blobs', 'abc'))
  expect(await linkIntoSnapshot(cache, COMMIT, 'onnx/model.onnx', 'abc')).toBe(pointer)
  symlinkSync('nowhere', join(snapshotFolder(cache, COMMIT), 'broken.gguf'))
  expect(await listSnapshot(cache, COMMIT)).toEqual(['onnx/model.onnx'])
  expect(await listSnapshot(cache, 'b'.repeat(40))).toEqual([])
})

test('a link that leads elsewhere is replaced', async () => {
  const cache = repositoryCache(folder, 'org/name')
  mkdirSync(cache.blobs, { recursive: true })
  for (const name of ['abc', 'def']) writeFileSync(join(cache.blobs, name), name)
  await linkIntoSnapshot(cache, COMMIT, 'model.gguf', 'abc')
  expect(readlinkSync(await linkIntoSnapshot(cache, COMMIT, 'model.gguf', 'def'))).toBe(join('..', '..', 'blobs', 'def'))
})

test('the commit of a revision is remembered, and only a commit is believed', async () => {
  const cache = repositoryCache(folder, 'org/name')
  expect(await cachedCommit(cache, 'main')).toBeUndefined()
  await rememberCommit(cache, 'refs/pr/1', COMMIT)
  expect(await cachedCommit(cache, 'refs/pr/1')).toBe(COMMIT)
  expect(await cachedCommit(cache, COMMIT)).toBe(COMMIT)
  writeFileSync(join(cache.folder, 'refs', 'main'), '../../elsewhere')
  expect(await cachedCommit(cache, 'main')).toBeUndefined()
})
