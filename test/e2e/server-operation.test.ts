import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serve } from '../../src/server/index.ts'
import { LineSink, serveTiny, type TestServer } from '../server.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const LONG = { model: 'tiny', prompt: 'private words', max_tokens: 400, ignore_eos: true, temperature: 0 }

function post(url: string, path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(url + path, { method: 'POST', body: JSON.stringify(body), ...init, headers: { ...JSON_TYPE, ...init.headers } })
}

async function until(condition: () => boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms
  while (!condition()) {
    if (performance.now() > end) expect.fail(`not so after ${ms} ms: ${condition}`)
    await sleep(5)
  }
}

describe('with keys', () => {
  let tiny: TestServer
  beforeAll(async () => {
    tiny = await serveTiny({ apiKeys: ['first-key', 'second-key'], corsOrigins: ['https://example.com'] })
  })
  afterAll(() => tiny.close())

  test.each([
    [undefined, 401],
    ['Bearer wrong', 401],
    ['Bearer first-ke', 401],
    ['Basic first-key', 401],
    ['Bearer first-key', 200],
    ['bearer second-key', 200],
  ])('authorization %s gives %i', async (authorization, status) => {
    const headers = authorization === undefined ? {} : { authorization }
    for (const path of ['/v1/models', '/metrics']) {
      const response = await fetch(tiny.url + path, { headers })
      expect(response.status).toBe(status)
      if (status === 401) expect(response.headers.get('www-authenticate')).toBe('Bearer')
    }
  })

  test('a wrong key is told apart from a missing one, and neither is repeated', async () => {
    const wrong = await fetch(`${tiny.url}/v1/models`, { headers: { authorization: 'Bearer wrong-secret' } })
    const body = await wrong.text()
    expect(JSON.parse(body).error).toMatchObject({ type: 'invalid_request_error', code: 'invalid_api_key' })
    expect(body).not.toContain('wrong-secret')
    expect((await (await fetch(`${tiny.url}/v1/models`)).json()).error.code).toBeNull()
  })

  test('health needs no key', async () => {
    expect((await fetch(`${tiny.url}/health`)).status).toBe(200)
    expect(await (await fetch(`${tiny.url}/ready`)).json()).toEqual({ status: 'ready', models: { tiny: 'ready' } })
  })

  test('a body without a key is not read', async () => {
    const { status, sentBytes } = await new Promise<{ status: number; sentBytes: number }>((resolve, reject) => {
      const outgoing = httpRequest(`${tiny.url}/v1/completions`, { method: 'POST', headers: { ...JSON_TYPE, 'content-length': 30e6 } })
      outgoing.on('response', response => {
        resolve({ status: response.statusCode!, sentBytes: outgoing.socket!.bytesWritten })
        outgoing.destroy()
      })
      outgoing.on('error', reject)
      outgoing.write('{"model":')
    })
    expect(status).toBe(401)
    expect(sentBytes).toBeLessThan(1_000)
  })

  test('only the origins that were named may call from a browser', async () => {
    const preflight = { method: 'OPTIONS', headers: { origin: 'https://example.com', 'access-control-request-method': 'POST' } }
    const allowed = await fetch(`${tiny.url}/v1/completions`, preflight)
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://example.com')
    const other = await fetch(`${tiny.url}/v1/completions`, {
      ...preflight,
      headers: { ...preflight.headers, origin: 'https://evil.example' },
    })
    expect(other.headers.get('access-control-allow-origin')).toBeNull()
    expect(other.status).not.toBe(204)
  })
})

describe('without keys', () => {
  let tiny: TestServer
  const log = new LineSink()
  beforeAll(async () => {
    tiny = await serveTiny({ maxBodyBytes: 5_000, maxAdmitted: 4, log })
  })
  afterAll(() => tiny.close())

  test('nobody beyond this machine is listened to unless that is said', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com'])
      await expect(serve({ host, port: 0, models: { tiny: tiny.model } })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await using open = await serve({ host: '0.0.0.0', port: 0, insecureNoKey: true, models: { tiny: tiny.model } })
    expect((await fetch(`${open.url}/v1/models`)).status).toBe(200)
    await using keyed = await serve({ host: '0.0.0.0', port: 0, apiKeys: ['k'], models: { tiny: tiny.model } })
    expect((await fetch(`${keyed.url}/v1/models`)).status).toBe(401)
  })

  test('pages of other sites are not answered: no CORS, no simple content types, no foreign Host', async () => {
    const cors = await fetch(`${tiny.url}/v1/models`, { headers: { origin: 'https://example.com' } })
    expect(cors.headers.get('access-control-allow-origin')).toBeNull()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded'])
      expect((await post(tiny.url, '/v1/completions', LONG, { headers: { 'content-type': type } })).status).toBe(415)
    const { port } = new URL(tiny.url)
    const status = (host: string): Promise<number> =>
      new Promise(resolve =>
        httpRequest({ port, path: '/v1/models', headers: { host } }, response => resolve(response.resume().statusCode!)).end(),
      )
    expect(await status(`localhost:${port}`)).toBe(200)
    expect(await status(`127.0.0.1:${port}`)).toBe(200)
    expect(await status(`[::1]:${port}`)).toBe(200)
    expect(await status('rebound.example')).toBe(403)
  })

  test('every answer has an id, the one of the request where it has a sensible one', async () => {
    const id = async (given?: string): Promise<string | null> =>
      (await fetch(`${tiny.url}/nothing`, { headers: given ? { 'x-request-id': given } : {} })).headers.get('x-request-id')
    expect(await id()).toMatch(/^req_[0-9a-f]{32}$/)
    expect(await id('trace-1.2:3')).toBe('trace-1.2:3')
    expect(await id('a b')).toMatch(/^req_/)
    expect(await id('x'.repeat(500))).toMatch(/^req_/)
  })

  test('bodies that are too large, empty or no JSON are refused', async () => {
    const large = await post(tiny.url, '/v1/completions', { ...LONG, prompt: 'x'.repeat(6_000) })
    expect(large.status).toBe(413)
    expect((await large.json()).error.type).toBe('invalid_request_error')
    for (const body of ['', '{', 'null', '[]', '"x"', '{"model": "tiny", "prompt": "\ud800"', '\u0000']) {
      const response = await fetch(`${tiny.url}/v1/completions`, { method: 'POST', body, headers: JSON_TYPE })
      expect(response.status).toBe(400)
      expect((await response.json()).error.message).toMatch(/body/)
    }
    const deep = {
      model: 'tiny',
      messages: [{ role: 'user', content: 'x' }],
      chat_template_kwargs: { a: JSON.parse('['.repeat(900) + ']'.repeat(900)) },
    }
    expect((await post(tiny.url, '/v1/chat/completions', deep)).status).toBe(400)
  })

  test('several answers share steps', async () => {
    const answers = [1, 2, 3].map(() => post(tiny.url, '/v1/completions', { ...LONG, max_tokens: 100 }))
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, tiny.model.activity().running)
    }, 1)
    const texts = await Promise.all(
      answers.map(async answer => ((await (await answer).json()) as { choices: { text: string }[] }).choices[0]!.text),
    )
    clearInterval(watch)
    expect(most).toBe(3)
    expect(new Set(texts).size).toBe(1)
  })

  test('work beyond the limit is refused with when to try again', async () => {
    const busy = new AbortController()
    const running = [1, 2, 3, 4].map(() => post(tiny.url, '/v1/completions', LONG, { signal: busy.signal }).catch(() => {}))
    await until(() => tiny.model.activity().running === 4)
    const refused = await post(tiny.url, '/v1/completions', LONG)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect((await refused.json()).error).toMatchObject({ type: 'rate_limit_error', code: 'rate_limit_exceeded' })
    busy.abort()
    await Promise.all(running)
    await until(() => tiny.model.activity().running === 0)
    expect((await post(tiny.url, '/v1/completions', { ...LONG, max_tokens: 1 })).status).toBe(200)
  })

  test.each([true, false])('a client that leaves ends the work (stream: %s)', async stream => {
    const client = new AbortController()
    const response = post(tiny.url, '/v1/completions', { ...LONG, stream }, { signal: client.signal })
    response.catch(() => {})
    await until(() => tiny.model.activity().running === 1)
    if (stream) await (await response).body!.getReader().read()
    client.abort()
    await until(() => tiny.model.activity().running === 0)
    await until(() => log.lines.some(line => line['status'] === 499 && line['stream'] === stream))
  })

  test('lines of the log tell of every request, and nothing of what it said', async () => {
    const response = await post(tiny.url, '/v1/completions', { ...LONG, max_tokens: 3 }, { headers: { 'x-request-id': 'look-here' } })
    const { choices } = (await response.json()) as { choices: { text: string }[] }
    await until(() => log.lines.some(line => line['requestId'] === 'look-here'))
    expect(log.lines.find(line => line['requestId'] === 'look-here')).toEqual({
      level: 'info',
      time: expect.any(String),
      msg: 'request',
      requestId: 'look-here',
      method: 'POST',
      route: '/v1/completions',
      status: 200,
      ms: expect.any(Number),
      model: 'tiny',
      stream: false,
      promptTokens: 13,
      completionTokens: 3,
      firstTokenMs: expect.any(Number),
    })
    await post(tiny.url, '/v1/completions', { model: 'tiny', prompt: 'private words', stop: ['private words', 1] })
    await fetch(`${tiny.url}/v1/private%20words?private words`)
    expect(log.text).not.toContain('private')
    expect(log.text).not.toContain(JSON.stringify(choices[0]!.text).slice(1, -1))
  })

  test('the OpenAPI document describes what is there', async () => {
    const document = (await (await fetch(`${tiny.url}/openapi.json`)).json()) as {
      openapi: string
      paths: Record<
        string,
        Record<string, { requestBody?: { content: Record<string, { schema: { properties: object; required: string[] } }> } }>
      >
    }
    expect(document.openapi).toBe('3.1.0')
    for (const path of ['/health', '/v1/models/{name}', '/v2/models/{model}/versions/{version}/infer', '/openapi.json'])
      expect(Object.keys(document.paths)).toContain(path)
    expect(Object.keys(document.paths).filter(path => path.startsWith('/hence'))).toEqual([])
    const { schema } = document.paths['/v1/chat/completions']!['post']!.requestBody!.content['application/json']!
    expect(schema.required).toEqual(['model', 'messages'])
    expect(Object.keys(schema.properties)).toContain('temperature')
    expect(JSON.stringify(document)).not.toContain('$ref')
    // Every path that takes a body is there to be asked.
    for (const [path, operations] of Object.entries(document.paths))
      for (const method of Object.keys(operations)) {
        const asked = path.replace('{model}', 'tiny').replace('{name}', 'tiny').replace('{version}', '1')
        const response = await fetch(tiny.url + asked, {
          method: method.toUpperCase(),
          ...(method === 'post' ? { body: '{}', headers: JSON_TYPE } : {}),
        })
        expect(response.status, `${method} ${path}`).toBeLessThan(500)
        expect(response.status, `${method} ${path}`).not.toBe(404)
        await response.arrayBuffer()
      }
  })

  test('metrics count under the names dashboards know', async () => {
    const read = async (): Promise<Map<string, number>> => {
      const text = await (await fetch(`${tiny.url}/metrics`)).text()
      const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
      return new Map(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
    }
    const before = await read()
    await (await post(tiny.url, '/v1/completions', { ...LONG, max_tokens: 7 })).json()
    const after = await read()
    const grown = (name: string): number => after.get(name)! - (before.get(name) ?? 0)
    expect(grown('hence:prompt_tokens_total{model_name="tiny",engine="0"}')).toBe(13)
    expect(grown('hence:generation_tokens_total{model_name="tiny",engine="0"}')).toBe(7)
    expect(grown('hence:request_success_total{model_name="tiny",engine="0",finished_reason="length"}')).toBe(1)
    expect(grown('hence:time_to_first_token_seconds_count{model_name="tiny",engine="0"}')).toBe(1)
    expect(grown('hence:inter_token_latency_seconds_count{model_name="tiny",engine="0"}')).toBe(6)
    expect(after.get('hence:num_requests_running{model_name="tiny",engine="0"}')).toBe(0)
    expect(after.get('hence:kv_cache_usage_perc{model_name="tiny",engine="0"}')).toBe(0)
    expect(after.get('process_resident_memory_bytes')).toBeGreaterThan(1e6)
    const names = ['request_prefill_time', 'request_decode_time', 'request_inference_time', 'request_time_per_output_token'].map(
      name => `${name}_seconds`,
    )
    for (const name of [...names, 'request_params_n', 'request_max_num_generation_tokens'])
      expect(grown(`hence:${name}_count{model_name="tiny",engine="0"}`), name).toBe(1)
    expect(grown('hence:request_params_max_tokens_sum{model_name="tiny",engine="0"}')).toBe(7)
    // A step for the prompt and one for each token but the last.
    const tokens = (suffix: string): number => grown(`hence:iteration_tokens_total_${suffix}model_name="tiny",engine="0"}`)
    expect(['bucket{le="1",', 'bucket{le="16",', 'bucket{le="+Inf",', 'count{', 'sum{'].map(tokens)).toEqual([6, 7, 7, 7, 13 + 6])
    for (const name of ['compute_seconds_total', 'read_bytes_total'])
      expect(grown(`hence:iteration_${name}{model_name="tiny",engine="0"}`), name).toBeGreaterThan(0)
    expect(after.get('hence:iteration_read_bytes_per_second{model_name="tiny",engine="0"}')).toBeGreaterThan(0)
    expect([...after.keys()].find(key => key.startsWith('hence:cache_config_info'))).toMatch(/block_size="16",num_gpu_blocks="\d+"/)
  })

  test('metrics tell the share of the bandwidth in use once it was measured on an idle server', async () => {
    let asked = 0
    const readBandwidth = async (): Promise<number> => {
      asked++
      return 1e9
    }
    const server = await serveTiny({ readBandwidth })
    try {
      const read = async (name: string): Promise<number> => {
        const text = await (await fetch(`${server.url}/metrics`)).text()
        return Number(new RegExp(`^hence:${name}\\{model_name="tiny",engine="0"\\} (.+)$`, 'm').exec(text)?.[1])
      }
      await (await post(server.url, '/v1/completions', { ...LONG, max_tokens: 3 })).json()
      const [share, bytes] = [await read('memory_bandwidth_utilization'), await read('iteration_read_bytes_per_second')]
      expect(bytes).toBeGreaterThan(0)
      expect(share).toBeCloseTo(bytes / 1e9, 12)
      expect(asked).toBe(1)
    } finally {
      await server.close()
    }
    const plain = await (await fetch(`${tiny.url}/metrics`)).text()
    expect(plain).not.toContain('memory_bandwidth_utilization')
  })

  test('metrics count what prompts share', async () => {
    const read = async (name: string): Promise<number> => {
      const text = await (await fetch(`${tiny.url}/metrics`)).text()
      return Number(text.match(new RegExp(`^hence:${name}_total{model_name="tiny",engine="0"} (\\S+)$`, 'm'))![1])
    }
    const before = await Promise.all(['prefix_cache_queries', 'prefix_cache_hits', 'prompt_tokens_cached', 'num_preemptions'].map(read))
    const ask = async () => (await post(tiny.url, '/v1/completions', { ...LONG, prompt: 'shared '.repeat(10), max_tokens: 1 })).json()
    await ask()
    const { usage } = (await ask()) as { usage: { prompt_tokens: number; prompt_tokens_details: { cached_tokens: number } } }
    const cached = usage.prompt_tokens_details.cached_tokens
    expect(cached).toBe(64)
    const after = await Promise.all(['prefix_cache_queries', 'prefix_cache_hits', 'prompt_tokens_cached', 'num_preemptions'].map(read))
    expect(after.map((value, i) => value - before[i]!)).toEqual([2 * usage.prompt_tokens, cached, cached, 0])
  })
})

describe('starting and ending', () => {
  test('a port in use is told', async () => {
    await using taken = await serveListener()
    const tiny = serveTiny({ port: taken.port })
    await expect(tiny).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: `cannot listen on 127.0.0.1 port ${taken.port}: the port is in use`,
    })
  })

  test('is not ready until its models are loaded', async () => {
    const tiny = await serveTiny()
    try {
      let finish = (): void => {}
      const later = new Promise<typeof tiny.model>(resolve => {
        finish = () => resolve(tiny.model)
      })
      await using server = await serve({ port: 0, models: { later, tiny: tiny.model } })
      expect((await fetch(`${server.url}/ready`)).status).toBe(503)
      const early = await post(server.url, '/v1/completions', { ...LONG, model: 'later' })
      expect(early.status).toBe(503)
      expect(early.headers.get('retry-after')).toBe('1')
      expect((await post(server.url, '/v1/completions', { ...LONG, max_tokens: 1 })).status).toBe(200)
      finish()
      await server.ready()
      expect((await fetch(`${server.url}/ready`)).status).toBe(200)
      await using failed = await serve({ port: 0, models: { broken: Promise.reject(new TypeError('broken')) } })
      await expect(failed.ready()).rejects.toThrow('broken')
      expect(await (await fetch(`${failed.url}/ready`)).json()).toMatchObject({ models: { broken: 'failed' } })
    } finally {
      await tiny.close()
    }
  })

  test('closing finishes what is under way and refuses the rest', async () => {
    const tiny = await serveTiny()
    const answer = post(tiny.url, '/v1/completions', LONG)
    await until(() => tiny.model.activity().running === 1)
    const closed = tiny.server.close()
    await expect(fetch(`${tiny.url}/v1/models`)).rejects.toThrow()
    expect(((await (await answer).json()) as { usage: unknown }).usage).toMatchObject({ completion_tokens: 400 })
    await closed
    await tiny.close()
  })

  test('closing does not wait for a connection that never asked anything', async () => {
    const tiny = await serveTiny()
    const socket = connect(Number(new URL(tiny.url).port), '127.0.0.1')
    const ended = once(socket, 'close')
    await once(socket, 'connect')
    expect((await fetch(`${tiny.url}/health`)).status).toBe(200)
    await tiny.close()
    await ended
  })

  test('closing gives up what takes too long, and says so', async () => {
    const tiny = await serveTiny({ drainMs: 50 })
    const body = { ...LONG, prompt: 'x', n: 4, max_tokens: 500 }
    const [whole, streamed] = [post(tiny.url, '/v1/completions', body), post(tiny.url, '/v1/completions', { ...body, stream: true })]
    const reader = (await streamed).body!.getReader()
    await reader.read()
    await tiny.server.close()
    expect((await whole).status).toBe(503)
    expect((await (await whole).json()).error.message).toMatch(/shutting down/)
    let text = ''
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += Buffer.from(part.value).toString()
    expect(text).toMatch(/data: {"error":{"message":"The server is shutting down[^\n]*\n\n$/)
    await tiny.close()
  })

  test.skipIf(spawnSync('openssl', ['version']).status !== 0)('TLS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hence-tls-'))
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, ...subject],
      { stdio: 'ignore' },
    )
    const ca = readFileSync(cert)
    const tiny = await serveTiny({ tls: { cert: ca, key: readFileSync(key) } })
    try {
      expect(tiny.url).toMatch(/^https:/)
      const status = await new Promise((resolve, reject) =>
        httpsRequest(`${tiny.url}/v1/models`, { agent: new Agent({ ca }) }, response => resolve(response.resume().statusCode))
          .on('error', reject)
          .end(),
      )
      expect(status).toBe(200)
      await expect(fetch(`${tiny.url}/v1/models`)).rejects.toThrow()
    } finally {
      await tiny.close()
      rmSync(folder, { recursive: true })
    }
  })

  test.each([
    { port: -1 },
    { port: 1.5 },
    { apiKeys: ['a b'] },
    { apiKeys: [''] },
    { corsOrigins: ['example.com'] },
    { models: {} },
    { models: { '../x': 1 } },
  ])('options %j are refused', async options => {
    const failure = serve({ models: { a: new Promise(() => {}) }, port: 0, ...options } as never)
    await expect(failure).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})

async function serveListener(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return { port, [Symbol.asyncDispose]: () => new Promise(resolve => server.close(() => resolve())) }
}
