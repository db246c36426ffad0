import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hubSettings, listHubCache, parseHubName, pullModel } from '../../src/hub/index.ts'
import { type HubServer, startHub } from '../hub-server.ts'

/** A Python that has huggingface_hub, which keeps the cache that Hence shares. */
const python = process.env['HENCE_PYTHON']
const WEIGHTS = Buffer.alloc(200_000, 'weights')
const FILES = {
  'config.json': '{"model_type":"llama"}',
  'tokenizer.json': '{}',
  '1_Pooling/config.json': '{"a":1}',
  'model.safetensors': WEIGHTS,
}
const READ = `
import json, os, sys
from huggingface_hub import scan_cache_dir, snapshot_download, try_to_load_from_cache
path = snapshot_download('org/model', local_files_only=True)
cache = scan_cache_dir()
repo, = cache.repos
print(json.dumps({
  'path': path,
  'repository': repo.repo_id,
  'refs': sorted(repo.refs),
  'warnings': [str(warning) for warning in cache.warnings],
  'bytes': cache.size_on_disk,
  'files': sorted(str(file.file_path.relative_to(path)) for revision in repo.revisions for file in revision.files),
  'found': try_to_load_from_cache('org/model', '1_Pooling/config.json'),
}))`
const WRITE = `
from huggingface_hub import snapshot_download
print(snapshot_download('org/model'))`

describe.skipIf(!python)('the cache shared with huggingface_hub; HENCE_PYTHON names a Python that has it', () => {
  let folder = ''
  let hub: HubServer
  let env: Record<string, string> = {}

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hence-hub-python-'))
    hub = await startHub({ 'org/model': { files: FILES, token: 'hf_right' } })
    env = {
      HF_ENDPOINT: hub.endpoint,
      HF_HOME: folder,
      HF_TOKEN: 'hf_right',
      HF_HUB_DISABLE_TELEMETRY: '1',
      PATH: process.env['PATH'] ?? '',
    }
  })
  afterEach(async () => {
    await hub.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const run = async (code: string, more: Record<string, string> = {}): Promise<string> =>
    (await promisify(execFile)(python!, ['-c', code], { env: { ...env, ...more } })).stdout.trim()
  const pull = async () => pullModel({ settings: await hubSettings(env) }, parseHubName('org/model')!)

  test('Python reads what Hence wrote', { timeout: 60_000 }, async () => {
    const model = await pull()
    const seen = JSON.parse(await run(READ, { HF_HUB_OFFLINE: '1' })) as Record<string, unknown>
    expect(seen).toEqual({
      path: model.folder,
      repository: 'org/model',
      refs: ['main'],
      warnings: [],
      bytes: Object.values(FILES).reduce((sum, content) => sum + content.length, 0),
      files: Object.keys(FILES).sort(),
      found: join(model.folder, '1_Pooling', 'config.json'),
    })
    const asked = hub.seen.length
    expect(await run(WRITE)).toBe(model.folder)
    expect(hub.seen.slice(asked).filter(({ server }) => server === 'storage')).toEqual([])
  })

  test('Hence reads what Python wrote', { timeout: 60_000 }, async () => {
    const path = await run(WRITE)
    const asked = hub.seen.length
    const model = await pull()
    expect(model.folder).toBe(path)
    expect(model.files.every(({ isNew }) => !isNew)).toBe(true)
    expect(hub.seen.slice(asked).every(({ path: url }) => url.startsWith('/api/'))).toBe(true)
    expect(readFileSync(join(path, 'model.safetensors')).equals(WEIGHTS)).toBe(true)
    const [cached] = await listHubCache(join(folder, 'hub'))
    expect(cached).toMatchObject({ repository: 'org/model', snapshots: [{ revisions: ['main'] }] })
    expect(cached!.bytes).toBe(Object.values(FILES).reduce((sum, content) => sum + content.length, 0))
  })

  test('Python is not disturbed by what an interrupted pull leaves', { timeout: 60_000 }, async () => {
    hub.storageFault = (_, response) => {
      response.writeHead(200, { 'content-length': WEIGHTS.length })
      response.write(WEIGHTS.subarray(0, 50_000), () => response.destroy())
      return true
    }
    const settings = { ...(await hubSettings(env)), backoffMs: 1 }
    await expect(pullModel({ settings }, parseHubName('org/model')!)).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' })
    hub.storageFault = undefined
    const path = await run(WRITE)
    expect(statSync(join(path, 'model.safetensors')).size).toBe(WEIGHTS.length)
    const { warnings } = JSON.parse(await run(READ, { HF_HUB_OFFLINE: '1' })) as { warnings: string[] }
    expect(warnings).toEqual([])
    expect(existsSync(path) && readdirSync(path).length).toBeGreaterThan(0)
  })
})
