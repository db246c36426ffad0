import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hubCacheFolder, hubSettings } from './hub-settings.ts'

let home = ''
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'hence-hub-'))
  writeFileSync(join(home, 'token'), 'hf_fromfile\n')
  writeFileSync(join(home, 'other'), '  hf_other ')
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

test('the folder of the cache, in the order in which the variables count', () => {
  expect(hubCacheFolder({})).toBe(join(homedir(), '.cache', 'huggingface', 'hub'))
  expect(hubCacheFolder({ XDG_CACHE_HOME: '/x' })).toBe('/x/huggingface/hub')
  expect(hubCacheFolder({ XDG_CACHE_HOME: '/x', HF_HOME: '/h' })).toBe('/h/hub')
  expect(hubCacheFolder({ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old' })).toBe('/old')
  expect(hubCacheFolder({ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '/c' })).toBe('/c')
  expect(hubCacheFolder({ HF_HUB_CACHE: '~/models' })).toBe(join(homedir(), 'models'))
})

test('the token, from the environment before files', async () => {
  const token = async (env: Record<string, string>) => (await hubSettings(env)).token
  expect(await token({ HF_HOME: '/nowhere' })).toBeUndefined()
  expect(await token({ HF_HOME: home })).toBe('hf_fromfile')
  expect(await token({ HF_HOME: home, HF_TOKEN_PATH: join(home, 'other') })).toBe('hf_other')
  expect(await token({ HF_HOME: home, HF_TOKEN: 'hf_env' })).toBe('hf_env')
  expect(await token({ HF_HOME: home, HUGGING_FACE_HUB_TOKEN: 'hf_legacy' })).toBe('hf_legacy')
  expect(await token({ HF_HOME: home, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toBeUndefined()
})

test('a token that cannot be sent is refused without being shown', async () => {
  const error = await hubSettings({ HF_TOKEN: 'secret\r\nx-other: y' }).catch(caught => caught)
  expect(error).toMatchObject({ code: 'OPTION_INVALID' })
  expect(JSON.stringify(error)).not.toContain('secret')
})

test('endpoint, offline, timeout', async () => {
  const base = { HF_HOME: '/nowhere' }
  expect(await hubSettings(base)).toMatchObject({ endpoint: 'https://huggingface.co', isOffline: false, stallMs: 30_000 })
  expect(
    await hubSettings({ ...base, HF_ENDPOINT: 'https://mirror.example/hf/', HF_HUB_OFFLINE: '1', HF_HUB_DOWNLOAD_TIMEOUT: '5' }),
  ).toMatchObject({
    endpoint: 'https://mirror.example/hf',
    isOffline: true,
    stallMs: 5_000,
  })
  expect((await hubSettings({ ...base, TRANSFORMERS_OFFLINE: 'TRUE' })).isOffline).toBe(true)
  for (const HF_ENDPOINT of ['ftp://x', 'nonsense', 'https://user:pass@x', 'https://x/?y'])
    await expect(hubSettings({ ...base, HF_ENDPOINT })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  for (const HF_HUB_DOWNLOAD_TIMEOUT of ['0', '-1', 'x', '1e9'])
    await expect(hubSettings({ ...base, HF_HUB_DOWNLOAD_TIMEOUT })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
})
