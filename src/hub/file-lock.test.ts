import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isLocked, withFileLock } from './file-lock.ts'

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hence-lock-'))
  path = join(folder, 'locks', 'x.hence')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('one at a time, and the lock is gone afterwards', async () => {
  let running = 0
  let most = 0
  const work = async (): Promise<void> => {
    most = Math.max(most, ++running)
    expect(await isLocked(path)).toBe(true)
    await sleep(5)
    running--
  }
  await Promise.all(Array.from({ length: 6 }, () => withFileLock(path, undefined, work)))
  expect(most).toBe(1)
  expect(existsSync(path)).toBe(false)
})

test('a failure lets go', async () => {
  await expect(withFileLock(path, undefined, async () => Promise.reject(new RangeError('x')))).rejects.toThrow(RangeError)
  expect(await withFileLock(path, undefined, async () => 1)).toBe(1)
})

test('waiting ends with the signal', async () => {
  const controller = new AbortController()
  let letGo = (): void => {}
  const holder = withFileLock(path, undefined, () => new Promise<void>(done => (letGo = done)))
  const waiter = withFileLock(path, controller.signal, async () => {})
  setTimeout(() => controller.abort(), 20)
  await expect(waiter).rejects.toMatchObject({ code: 'ABORTED' })
  letGo()
  await holder
})

test('the lock of a process that died is taken over, by one of many', async () => {
  await withFileLock(path, undefined, async () => {})
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  writeFileSync(path, JSON.stringify({ pid, host: hostname(), id: 'dead' }))
  expect(await isLocked(path)).toBe(false)
  let running = 0
  const results = await Promise.all(
    Array.from({ length: 4 }, () =>
      withFileLock(path, undefined, async () => {
        expect(++running).toBe(1)
        await sleep(5)
        running--
        return true
      }),
    ),
  )
  expect(results).toEqual([true, true, true, true])
})

test('the lock of another machine is believed until it has been silent for long', async () => {
  await withFileLock(path, undefined, async () => {})
  writeFileSync(path, JSON.stringify({ pid: 1, host: 'elsewhere', id: 'other' }))
  expect(await isLocked(path)).toBe(true)
  const longAgo = new Date(Date.now() - 60_000)
  utimesSync(path, longAgo, longAgo)
  expect(await isLocked(path)).toBe(false)
})
