import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type HubServer, startHub } from '../hub-server.ts'
import { hence } from './cli-process.ts'

const WEIGHTS = Buffer.alloc(400_000, 7)
let folder = ''
let cache = ''
let hub: HubServer

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hence-hub-cli-'))
  cache = join(folder, 'cache')
  hub = await startHub({
    'org/model-GGUF': { files: { 'README.md': 'x', 'model-Q4_K_M.gguf': WEIGHTS, 'model-Q8_0.gguf': WEIGHTS.subarray(1) }, tags: ['v1'] },
    'org/graph': { files: { 'config.json': '{}', 'onnx/model.onnx': 'graph', 'onnx/model_q4.onnx': 'graph 4' } },
    'org/gated': { files: { 'm.gguf': WEIGHTS }, token: 'hf_right' },
  })
  vi.stubEnv('HF_ENDPOINT', hub.endpoint)
  vi.stubEnv('HF_HOME', folder)
  vi.stubEnv('HF_HUB_CACHE', cache)
  for (const name of ['HUGGINGFACE_HUB_CACHE', 'HF_TOKEN', 'HF_HUB_OFFLINE', 'HF_TOKEN_PATH']) vi.stubEnv(name, undefined)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await hub.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Storage that sends a little now and then. */
function slowly(): void {
  hub.storageFault = (request, response, content) => {
    const from = Number(/=(\d+)-/.exec(request.headers.range ?? '=0-')![1])
    const rest = content!.subarray(from)
    const range = from > 0 ? { 'content-range': `bytes ${from}-${content!.length - 1}/${content!.length}` } : {}
    response.writeHead(from > 0 ? 206 : 200, { ...range, 'content-length': rest.length })
    let at = 0
    const timer = setInterval(() => {
      response.write(rest.subarray(at, at + 20_000))
      at += 20_000
      if (at >= rest.length || response.destroyed) {
        clearInterval(timer)
        response.end()
      }
    }, 30)
    return true
  }
}

test('says where the files are and what to do next', async () => {
  const { code, stdout, stderr } = await hence(['pull', 'org/model-GGUF'])
  const path = join(cache, 'models--org--model-GGUF', 'snapshots', hub.commitOf('org/model-GGUF'), 'model-Q4_K_M.gguf')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout.split('\n').slice(1)).toEqual([
    '  400 kB  model-Q4_K_M.gguf',
    path,
    'next: hence run org/model-GGUF:Q4_K_M --prompt "…"',
    '',
  ])
  expect(stdout).toMatch(/^org\/model-GGUF:Q4_K_M {2}main at [0-9a-f]{12}, 1 file, 400 kB, fetched in /)
  expect(readFileSync(path).equals(WEIGHTS)).toBe(true)
  expect((await hence(['pull', 'org/model-GGUF'])).stdout).toContain('all of it was there')
})

test('as one JSON document', async () => {
  const { code, stdout } = await hence(['pull', 'org/model-GGUF:q8_0', '--revision', 'v1', '--json'])
  expect(code).toBe(0)
  const model = JSON.parse(stdout) as { path: string }
  expect(model).toMatchObject({
    name: 'org/model-GGUF:Q8_0@v1',
    revision: 'v1',
    format: 'gguf',
    files: [{ path: 'model-Q8_0.gguf', isNew: true }],
  })
  expect(existsSync(model.path)).toBe(true)
})

test('files by pattern, and an ONNX graph', async () => {
  const { stdout } = await hence(['pull', 'org/graph', '--file', '*_q4.onnx', '--file', '*.json', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ format: 'files', files: [{ path: 'onnx/model_q4.onnx' }, { path: 'config.json' }] })
  expect((await hence(['pull', 'org/graph'])).stdout).toContain('next: hence inspect org/graph\n')
})

test('a bar with rate and time on a terminal', async () => {
  slowly()
  const { code, stderr } = await hence(['pull', 'org/model-GGUF'], { isTerminal: true })
  expect(code).toBe(0)
  expect(stderr).toMatch(/fetching ━.* \d+ % {2}\d+ kB of 400 kB {2}[\d.]+ [kM]B\/s {2}1 s left/)
  expect(stderr.endsWith('\r\x1b[K')).toBe(true)
})

test('Ctrl-C stops it, says what is there, and the next pull goes on', async () => {
  slowly()
  const { code, stderr } = await hence(['pull', 'org/model-GGUF'], { isTerminal: true, interruptAfter: '' })
  expect(code).toBe(130)
  expect(stderr).toMatch(/stopped; \d+ kB of 400 kB are there\nhint: The same command goes on from there\.\n$/)
  expect((await hence(['pull', 'org/model-GGUF'])).code).toBe(0)
  expect(hub.seen.at(-1)?.range).toMatch(/^bytes=[1-9]/)
})

test('--list and --remove', async () => {
  expect((await hence(['pull', '--list'])).stdout).toBe(`${cache}\n0 models, 0 B\n`)
  await hence(['pull', 'org/model-GGUF'])
  await hence(['pull', 'org/model-GGUF:Q8_0'])
  await hence(['pull', 'org/graph'])
  const { stdout } = await hence(['pull', '--list'])
  expect(stdout).toMatch(/ {2}800 kB {2}.* {2}org\/model-GGUF {2}model-Q4_K_M.gguf, model-Q8_0.gguf\n/)
  expect(stdout).toContain('2 models, 800 kB\n')
  const { models } = JSON.parse((await hence(['pull', '--list', '--json'])).stdout) as { models: unknown[] }
  expect(models[1]).toMatchObject({
    repository: 'org/model-GGUF',
    bytes: 799_999,
    unfinishedBytes: 0,
    snapshots: [{ revisions: ['main'] }],
  })
  expect(await hence(['pull', 'org/model-GGUF', '--remove'])).toMatchObject({ code: 0, stdout: 'deleted org/model-GGUF, 800 kB\n' })
  expect(existsSync(join(cache, 'models--org--model-GGUF'))).toBe(false)
  expect(await hence(['pull', 'org/model-GGUF', '--remove'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/is not in the cache/),
  })
})

test('a model that is being fetched is not removed', async () => {
  slowly()
  const pulling = hence(['pull', 'org/model-GGUF'])
  await vi.waitFor(() => expect(hub.seen.some(({ server }) => server === 'storage')).toBe(true))
  expect(await hence(['pull', 'org/model-GGUF', '--remove'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/is being fetched just now/),
  })
  expect((await pulling).code).toBe(0)
})

test.each([
  [['pull'], 'hence pull needs one name, got 0 arguments'],
  [['pull', 'a/b', 'c/d'], 'hence pull needs one name, got 2 arguments'],
  [['pull', 'nonsense'], '"nonsense" is no name of a model on the hub'],
  [['pull', '--list', 'a/b'], '--list takes no name'],
  [['pull', 'a/b:Q4_0', '--file', '*'], '--file takes the place of'],
  [['pull', 'a/b', '--revison', 'x'], 'did you mean --revision?'],
])('%j is wrong usage', async (argv, message) => {
  expect(await hence(argv)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) })
})

test('a gated model says how to get in, on the terminal and as JSON', async () => {
  expect(await hence(['pull', 'org/gated'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/is gated.*\nhint: Accept the terms at .*HF_TOKEN\.\n/),
  })
  expect(JSON.parse((await hence(['pull', 'org/gated', '--json'])).stdout)).toMatchObject({
    error: { code: 'HUB_DENIED', details: { hasToken: false } },
  })
  vi.stubEnv('HF_TOKEN', 'hf_right')
  expect((await hence(['pull', 'org/gated'])).code).toBe(0)
  expect((await hence(['pull', '--list'])).stdout).toContain('org/gated')
})
