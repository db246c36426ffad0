import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Rng } from '../../src/core/index.ts'
import { type DownloadProgress, type HubSettings, type PullOptions, parseHubName, pullModel } from '../../src/hub/index.ts'
import { type Fault, type HubServer, hashOf, sendContent, startHub } from '../hub-server.ts'

const rng = new Rng(5)
const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => rng.uint32() & 255)
const WEIGHTS = bytes(300_000)
const OTHER = bytes(5_000)
const CONFIG = '{"model_type":"llama"}'

let folder = ''
let hub: HubServer
let settings: HubSettings

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hence-pull-'))
  hub = await startHub({
    'org/model-GGUF': {
      files: { 'README.md': 'read', 'model-Q4_K_M.gguf': WEIGHTS, 'model-Q8_0.gguf': OTHER },
      tags: ['v1.0', 'refs/pr/1'],
    },
    'org/whole': { files: { 'config.json': CONFIG, 'tokenizer.json': '{}', 'empty.json': '', 'model.safetensors': WEIGHTS } },
    'org/gated': { files: { 'config.json': CONFIG, 'model.safetensors': WEIGHTS }, token: 'hf_right' },
    'org/secret': { files: { 'config.json': CONFIG, 'model.safetensors': OTHER }, token: 'hf_right', isPrivate: true },
    'old/model': { files: {}, movedTo: 'org/whole' },
    'org/evil': { files: { 'config.json': CONFIG, '../../../escaped.json': 'x', 'model.safetensors': OTHER } },
    'org/many': {
      files: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`part-${String(i).padStart(2, '0')}.json`, `{"i":${i}}`])),
    },
  })
  settings = { endpoint: hub.endpoint, token: undefined, isOffline: false, cacheFolder: join(folder, 'cache'), stallMs: 400, backoffMs: 4 }
})

afterEach(async () => {
  await hub.close()
  rmSync(folder, { recursive: true, force: true })
})

const pull = (name: string, options: PullOptions = {}, over: Partial<HubSettings> = {}, signal?: AbortSignal) =>
  pullModel({ settings: { ...settings, ...over }, signal }, parseHubName(name)!, options)

/** Every file under the cache that is neither a lock nor a folder. */
function cached(): string[] {
  if (!existsSync(settings.cacheFolder)) return []
  return readdirSync(settings.cacheFolder, { recursive: true, withFileTypes: true })
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name).slice(settings.cacheFolder.length + 1))
    .sort()
}

const blob = (repository: string, content: Uint8Array): string =>
  join(settings.cacheFolder, `models--${repository.replace('/', '--')}`, 'blobs', hashOf(content))
const partialOf = (content: Uint8Array): string => `${blob('org/model-GGUF', content)}.hence.incomplete`

/** Sends the first bytes of a content and breaks the connection. */
function cut(response: ServerResponse, content: Uint8Array, count: number): void {
  response.writeHead(200, { 'content-length': content.length })
  response.write(content.subarray(0, count), () => setTimeout(() => response.destroy(), 20))
}

/** A fault for the first `count` requests. */
function first(count: number, fault: (...args: Parameters<Fault>) => void): Fault {
  let left = count
  return (...args) => {
    if (left-- <= 0) return false
    fault(...args)
    return true
  }
}

describe('what is right', () => {
  test('the layout of the cache is the one that clients of the hub share', async () => {
    const commit = hub.commitOf('org/model-GGUF')
    const model = await pull('org/model-GGUF')
    expect(model).toMatchObject({
      name: 'org/model-GGUF:Q4_K_M',
      commit,
      format: 'gguf',
      variant: 'Q4_K_M',
      files: [{ path: 'model-Q4_K_M.gguf', bytes: WEIGHTS.length, isNew: true }],
    })
    const repository = 'models--org--model-GGUF'
    expect(cached()).toEqual([
      `${repository}/blobs/${hashOf(WEIGHTS)}`,
      `${repository}/refs/main`,
      `${repository}/snapshots/${commit}/model-Q4_K_M.gguf`,
    ])
    expect(readlinkSync(model.path)).toBe(`../../blobs/${hashOf(WEIGHTS)}`)
    expect(readFileSync(model.path).equals(WEIGHTS)).toBe(true)
    expect(readFileSync(join(settings.cacheFolder, repository, 'refs', 'main'), 'utf8')).toBe(commit)
  })

  test('small files by the name git gives them, large ones by SHA-256, empty ones too', async () => {
    const { files, folder: snapshot, path } = await pull('org/whole')
    expect(files.map(file => file.path).sort()).toEqual(['config.json', 'empty.json', 'model.safetensors', 'tokenizer.json'])
    expect(path).toBe(snapshot)
    expect(realpathSync(join(snapshot, 'config.json'))).toBe(realpathSync(blob('org/whole', Buffer.from(CONFIG))))
    // Source: `printf '' | git hash-object --stdin`
    expect(readlinkSync(join(snapshot, 'empty.json'))).toBe('../../blobs/e69de29bb2d1d6434b8b29ae775ad8c2e48c5391')
  })

  test('a second pull fetches nothing', async () => {
    await pull('org/whole')
    const before = hub.seen.length
    const model = await pull('org/whole')
    expect(model.files.every(({ isNew }) => !isNew)).toBe(true)
    expect(hub.seen.slice(before).every(({ path }) => path.startsWith('/api/'))).toBe(true)
  })

  test('branches, tags, commits', async () => {
    const commit = hub.commitOf('org/model-GGUF')
    for (const revision of ['v1.0', 'refs/pr/1', commit]) expect((await pull(`org/model-GGUF:Q8_0@${revision}`)).commit).toBe(commit)
    expect(cached().filter(path => path.includes('/refs/'))).toEqual([
      'models--org--model-GGUF/refs/refs/pr/1',
      'models--org--model-GGUF/refs/v1.0',
    ])
  })

  test('a repository that moved is found under its old name', async () => {
    const { folder: snapshot } = await pull('old/model')
    expect(snapshot).toContain('models--old--model')
    expect(readdirSync(snapshot)).toContain('model.safetensors')
  })

  test('listings come in pages', async () => {
    hub.pageSize = 7
    expect((await pull('org/many', { globs: ['*.json'] })).files).toHaveLength(30)
    expect(hub.seen.filter(({ path }) => path.includes('/tree/'))).toHaveLength(5)
  })

  test('a mirror without listings is asked for each file', async () => {
    hub.hasTree = false
    const { files } = await pull('org/whole')
    expect(files.map(file => file.bytes).sort((a, b) => a - b)).toEqual([0, 2, CONFIG.length, WEIGHTS.length])
    const asked = hub.seen.filter(({ method }) => method === 'HEAD')
    expect(asked).toHaveLength(4)
    expect(asked.every(({ server }) => server === 'hub')).toBe(true)
  })

  test('progress ends at the sum of all files, and never goes beyond', async () => {
    const seen: DownloadProgress[] = []
    await pull('org/whole', { onProgress: step => seen.push(step) })
    const totalBytes = WEIGHTS.length + CONFIG.length + 2
    expect(seen.at(-1)).toEqual({ stage: 'download', doneBytes: totalBytes, totalBytes, networkBytes: totalBytes, files: 4 })
    expect(seen.every(({ doneBytes }) => doneBytes >= 0 && doneBytes <= totalBytes)).toBe(true)
  })
})

describe('the token', () => {
  test('goes to the hub and never to its storage', async () => {
    await pull('org/gated', {}, { token: 'hf_right' })
    const atHub = hub.seen.filter(({ server }) => server === 'hub')
    const atStorage = hub.seen.filter(({ server }) => server === 'storage')
    expect(atHub.length).toBeGreaterThan(0)
    expect(atHub.every(({ authorization }) => authorization === 'Bearer hf_right')).toBe(true)
    expect(atStorage.map(({ authorization }) => authorization)).toEqual([undefined])
  })

  test('does not follow a listing to another host', async () => {
    hub.hubFault = (request, response) => {
      if (!request.url?.includes('/tree/')) return false
      response.writeHead(200, { link: '<http://127.0.0.1:1/api/more>; rel="next"' }).end('[]')
      return true
    }
    await expect(pull('org/whole', {}, { token: 'hf_right' })).rejects.toMatchObject({
      code: 'HUB_INVALID',
      message: expect.stringMatching(/another host/),
    })
  })

  test('missing, wrong, without rights: says what to do', async () => {
    await expect(pull('org/gated')).rejects.toMatchObject({
      code: 'HUB_DENIED',
      message: 'org/gated is gated: its owners ask you to accept their terms first',
      hint: expect.stringMatching(/make a token at .*\/settings\/tokens, and put it into HF_TOKEN/),
    })
    await expect(pull('org/gated', {}, { token: 'hf_wrong' })).rejects.toMatchObject({
      code: 'HUB_DENIED',
      hint: expect.stringMatching(/with the account of your token/),
    })
    hub.hubFault = (_, response) => {
      response.writeHead(401, { 'x-error-message': 'Invalid credentials in Authorization header' }).end()
      return true
    }
    const error = await pull('org/whole', {}, { token: 'hf_expired' }).catch(caught => caught)
    expect(error).toMatchObject({ code: 'HUB_DENIED', message: 'org/whole: the hub does not know the token' })
    expect(JSON.stringify(error)).not.toContain('hf_expired')
    expect(cached()).toEqual([])
  })
})

describe('what is not there', () => {
  test('a model: the nearest one of the same owner', async () => {
    await expect(pull('org/model-GUFF')).rejects.toMatchObject({
      code: 'HUB_NOT_FOUND',
      message: expect.stringMatching(/there is no model org\/model-GUFF on the hub, .*did you mean org\/model-GGUF\?/),
      details: { nearest: 'org/model-GGUF' },
    })
  })

  test('a private model without a token is not there', async () => {
    await expect(pull('org/secret')).rejects.toMatchObject({
      code: 'HUB_NOT_FOUND',
      message: expect.stringMatching(/private and needs a token/),
    })
    expect((await pull('org/secret', {}, { token: 'hf_right' })).format).toBe('safetensors')
  })

  test('a revision, a variant, a file', async () => {
    await expect(pull('org/model-GGUF@v1.1')).rejects.toMatchObject({
      code: 'HUB_NOT_FOUND',
      message: 'org/model-GGUF has no revision v1.1; did you mean v1.0?',
    })
    await expect(pull('org/model-GGUF:Q4_K_S')).rejects.toMatchObject({
      code: 'HUB_NOT_FOUND',
      message: expect.stringMatching(/did you mean Q4_K_M/),
    })
    await expect(pull('hf://org/model-GGUF/model-Q8.gguf')).rejects.toMatchObject({
      code: 'HUB_NOT_FOUND',
      message: expect.stringMatching(/did you mean model-Q8_0.gguf/),
    })
    expect(cached()).toEqual([])
    expect(existsSync(join(settings.cacheFolder, 'models--org--model-GGUF'))).toBe(false)
  })
})

describe('connections', () => {
  test('a cut connection goes on where it stopped', async () => {
    hub.storageFault = first(3, (request, response, content) => {
      const from = Number(/=(\d+)-/.exec(request.headers.range ?? '=0-')![1])
      if (from === 0) return cut(response, content!, 70_000)
      response.writeHead(206, {
        'content-range': `bytes ${from}-${content!.length - 1}/${content!.length}`,
        'content-length': content!.length - from,
      })
      response.write(content!.subarray(from, from + 70_000), () => setTimeout(() => response.destroy(), 20))
    })
    const { path } = await pull('org/model-GGUF')
    expect(readFileSync(path).equals(WEIGHTS)).toBe(true)
    const ranges = hub.seen.filter(({ server }) => server === 'storage').map(({ range }) => range)
    expect(ranges[0]).toBeUndefined()
    expect(ranges.slice(1)).toHaveLength(3)
    for (const range of ranges.slice(1)) expect(range).toMatch(/^bytes=[1-9]\d*-$/)
  })

  test('a connection that brings nothing is given up and tried again', async () => {
    hub.storageFault = first(1, (_, response, content) => {
      response.writeHead(200, { 'content-length': content!.length })
      response.write(content!.subarray(0, 1_000))
    })
    const { path } = await pull('org/model-GGUF')
    expect(readFileSync(path).equals(WEIGHTS)).toBe(true)
  })

  test('a hub that never answers is told of, after five attempts', async () => {
    hub.hubFault = () => true
    await expect(pull('org/whole', {}, { stallMs: 50 })).rejects.toMatchObject({
      code: 'HUB_UNREACHABLE',
      message: expect.stringMatching(/nothing came for 0.05 s/),
    })
    expect(hub.seen).toHaveLength(5)
  })

  test('no hub at all', async () => {
    await hub.close()
    await expect(pull('org/whole')).rejects.toMatchObject({ code: 'HUB_UNREACHABLE', details: { reason: 'ECONNREFUSED' } })
    hub = await startHub({})
  })

  test('a hub that ignores ranges is asked for all of it again', async () => {
    hub.storageFault = (request, response, content) => {
      if (hub.seen.filter(({ server }) => server === 'storage').length === 1) cut(response, content!, 100_000)
      else {
        delete request.headers.range
        sendContent(request, response, content!)
      }
      return true
    }
    const { path } = await pull('org/model-GGUF')
    expect(readFileSync(path).equals(WEIGHTS)).toBe(true)
  })

  test('a hub that cuts and ignores ranges is given up', async () => {
    hub.storageFault = (_, response, content) => {
      cut(response, content!, 50_000)
      return true
    }
    await expect(pull('org/model-GGUF')).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' })
    expect(existsSync(partialOf(WEIGHTS))).toBe(true)
    expect(existsSync(blob('org/model-GGUF', WEIGHTS))).toBe(false)
  })

  test('503 and 429 pass; Retry-After is kept to', async () => {
    hub.hubFault = first(1, (_, response) => void response.writeHead(503).end('busy'))
    await pull('org/whole')
    hub.hubFault = first(1, (_, response) => void response.writeHead(429, { 'retry-after': '0.2' }).end())
    const begun = performance.now()
    await pull('org/whole')
    expect(performance.now() - begun).toBeGreaterThan(100)
    hub.hubFault = first(
      1,
      (_, response) => void response.writeHead(429, { 'retry-after': new Date(Date.now() - 1_000).toUTCString() }).end(),
    )
    await pull('org/whole')
  })

  test('a wait of an hour is not waited for', async () => {
    hub.hubFault = (_, response) => {
      response.writeHead(429, { ratelimit: '"api";r=0;t=3600' }).end()
      return true
    }
    await expect(pull('org/whole')).rejects.toMatchObject({
      code: 'HUB_UNREACHABLE',
      message: expect.stringMatching(/asks to come back in 3600 s/),
      hint: expect.stringMatching(/in 60 minutes/),
    })
    expect(hub.seen).toHaveLength(1)
  })

  test('an abort stops at once, and the next pull goes on', async () => {
    const controller = new AbortController()
    hub.storageFault = first(1, (_, response, content) => {
      response.writeHead(200, { 'content-length': content!.length })
      response.write(content!.subarray(0, 120_000))
    })
    const stopped = pull(
      'org/model-GGUF',
      { onProgress: ({ doneBytes }) => doneBytes >= 60_000 && controller.abort() },
      {},
      controller.signal,
    )
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
    expect(readFileSync(partialOf(WEIGHTS)).length).toBeGreaterThanOrEqual(60_000)
    const seen: DownloadProgress[] = []
    const { path } = await pull('org/model-GGUF', { onProgress: step => seen.push(step) })
    expect(readFileSync(path).equals(WEIGHTS)).toBe(true)
    expect(seen.at(-1)!.networkBytes).toBeLessThanOrEqual(WEIGHTS.length - 60_000)
    await expect(pull('org/whole', {}, {}, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('wrong content', () => {
  test('is thrown away and never has a name that looks whole', async () => {
    const wrong = WEIGHTS.slice()
    wrong[150_000]! ^= 1
    hub.storageFault = (request, response) => {
      sendContent(request, response, wrong)
      return true
    }
    await expect(pull('org/model-GGUF')).rejects.toMatchObject({
      code: 'DOWNLOAD_CORRUPT',
      details: { hash: hashOf(WEIGHTS), file: 'model-Q4_K_M.gguf' },
    })
    expect(cached()).toEqual([])
  })

  test('of a small file too', async () => {
    hub.hubFault = (request, response, content) => {
      if (!content || !request.url?.endsWith('config.json')) return false
      sendContent(request, response, Buffer.from(CONFIG.replace('llama', 'lemma')))
      return true
    }
    await expect(pull('org/whole')).rejects.toMatchObject({ code: 'DOWNLOAD_CORRUPT', details: { file: 'config.json' } })
  })

  test('left by an earlier attempt is noticed, and fetched anew', async () => {
    mkdirSync(join(blob('org/model-GGUF', WEIGHTS), '..'), { recursive: true })
    writeFileSync(partialOf(WEIGHTS), new Uint8Array(200_000))
    const { path } = await pull('org/model-GGUF')
    expect(readFileSync(path).equals(WEIGHTS)).toBe(true)
    writeFileSync(partialOf(OTHER), new Uint8Array(OTHER.length + 1))
    expect(readFileSync((await pull('org/model-GGUF:Q8_0')).path).equals(OTHER)).toBe(true)
  })

  test('longer than promised', async () => {
    hub.storageFault = (_, response, content) => {
      response.writeHead(200).end(Buffer.concat([content!.subarray(1), Buffer.alloc(100_000)]))
      return true
    }
    await expect(pull('org/model-GGUF')).rejects.toMatchObject({ code: 'DOWNLOAD_CORRUPT' })
  })

  test('a blob of the wrong size is replaced', async () => {
    const path = blob('org/model-GGUF', WEIGHTS)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, 'cut short')
    expect(readFileSync((await pull('org/model-GGUF')).path).equals(WEIGHTS)).toBe(true)
  })

  test.each([
    ['no JSON', '<html>'],
    ['no commit', '{"sha":"main"}'],
    ['a commit that is a path', '{"sha":"../../../../../../../../../../../../tmp"}'],
    ['not even an object', 'null'],
  ])('an answer that is %s', async (_, body) => {
    hub.hubFault = (request, response) => {
      response.writeHead(200).end(body)
      return request !== null
    }
    await expect(pull('org/whole')).rejects.toMatchObject({ code: 'HUB_INVALID' })
  })

  test.each([
    ['an entry without a hash', [{ type: 'file', path: 'config.json', size: 1 }]],
    ['a hash that is a path', [{ type: 'file', path: 'config.json', size: 1, oid: '../../x' }]],
    ['a size below zero', [{ type: 'file', path: 'config.json', size: -1, oid: '0'.repeat(40) }]],
  ])('a listing with %s', async (_, listing) => {
    hub.hubFault = (request, response) => {
      if (!request.url?.includes('/tree/')) return false
      response.writeHead(200).end(JSON.stringify(listing))
      return true
    }
    // What does not list files as a hub does is asked for each.
    const error = await pull('org/whole').catch(caught => caught)
    expect(error).toMatchObject({ code: 'HUB_INVALID' })
  })

  test('an answer without end', async () => {
    hub.hubFault = (_, response) => {
      const chunk = Buffer.alloc(2 ** 20, ' ')
      response.writeHead(200)
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      }
      response.on('drain', more)
      more()
      return true
    }
    await expect(pull('org/whole')).rejects.toMatchObject({
      code: 'HUB_INVALID',
      message: expect.stringMatching(/longer than 33554432 bytes/),
    })
  })

  test('redirects without end, and to what is no address of the web', async () => {
    for (const location of ['/api/models/org/whole/revision/main', 'file:///etc/passwd', 'http://']) {
      hub.hubFault = (_, response) => {
        response.writeHead(302, { location }).end()
        return true
      }
      await expect(pull('org/whole')).rejects.toMatchObject({ code: 'HUB_INVALID', message: expect.stringMatching(/redirects/) })
    }
  })

  test('a file whose path leads out of its folder', async () => {
    await expect(pull('org/evil', { globs: ['**/*.json'] })).rejects.toMatchObject({
      code: 'HUB_INVALID',
      message: expect.stringMatching(/not a path inside/),
    })
    await expect(pull('hf://org/evil/../../../escaped.json')).rejects.toMatchObject({ code: 'HUB_INVALID' })
    expect(cached()).toEqual([])
    expect(readdirSync(folder)).not.toContain('escaped.json')
    // Its other files do no harm.
    expect((await pull('org/evil')).files.map(({ path }) => path).sort()).toEqual(['config.json', 'model.safetensors'])
  })
})

describe('the disk', () => {
  test('is asked before anything is fetched', async () => {
    const huge = {
      type: 'file',
      path: 'model-Q4_K_M.gguf',
      size: 2 ** 52,
      oid: '0'.repeat(40),
      lfs: { oid: hashOf(WEIGHTS), size: 2 ** 52 },
    }
    hub.hubFault = (request, response) => {
      if (!request.url?.includes('/tree/')) return false
      response.writeHead(200).end(JSON.stringify([huge]))
      return true
    }
    await expect(pull('org/model-GGUF')).rejects.toMatchObject({ code: 'DISK_FULL', details: { bytes: 2 ** 52 } })
    expect(hub.seen.some(({ path }) => path.includes('/resolve/'))).toBe(false)
    expect(cached()).toEqual([])
  })

  test.skipIf(!existsSync('/dev/full'))('that gets full on the way is told of, and nothing looks whole', async () => {
    mkdirSync(join(blob('org/model-GGUF', WEIGHTS), '..'), { recursive: true })
    symlinkSync('/dev/full', partialOf(WEIGHTS))
    await expect(pull('org/model-GGUF')).rejects.toMatchObject({ code: 'DISK_FULL', details: { reason: 'ENOSPC' } })
    expect(existsSync(blob('org/model-GGUF', WEIGHTS))).toBe(false)
    expect(cached().some(path => path.includes('/snapshots/'))).toBe(false)
  })

  test('a folder that cannot be written', async () => {
    writeFileSync(settings.cacheFolder, 'a file where the cache should be')
    await expect(pull('org/whole')).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
  })
})

describe('two at once', () => {
  test('of one file fetch it once', async () => {
    hub.storageFault = (request, response, content) => {
      setTimeout(() => sendContent(request, response, content!), 100)
      return true
    }
    const models = await Promise.all([pull('org/model-GGUF'), pull('org/model-GGUF'), pull('org/model-GGUF@v1.0')])
    expect(new Set(models.map(({ path }) => path)).size).toBe(1)
    expect(hub.seen.filter(({ server }) => server === 'storage')).toHaveLength(1)
    expect(models.flatMap(({ files }) => files).filter(({ isNew }) => isNew)).toHaveLength(1)
  })

  test('the second goes on when the first is stopped', async () => {
    const controller = new AbortController()
    hub.storageFault = first(1, (_, response, content) => {
      response.writeHead(200, { 'content-length': content!.length })
      response.write(content!.subarray(0, 100_000))
      setTimeout(() => controller.abort(), 60)
    })
    const stopped = pull('org/model-GGUF', {}, {}, controller.signal)
    const second = pull('org/model-GGUF')
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
    expect(
      createHash('sha256')
        .update(readFileSync((await second).path))
        .digest('hex'),
    ).toBe(hashOf(WEIGHTS))
  })
})

test('offline, nothing is asked', async () => {
  await expect(pull('org/whole', {}, { isOffline: true })).rejects.toMatchObject({
    code: 'HUB_UNREACHABLE',
    message: expect.stringMatching(/HF_HUB_OFFLINE/),
  })
  expect(hub.seen).toEqual([])
})
