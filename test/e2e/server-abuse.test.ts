import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fastify } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Rng } from '../../src/core/index.ts'
import { SseStream } from '../../src/server/sse.ts'
import { LineSink, serveTiny, type TestServer } from '../server.ts'

let tiny: TestServer
let port = 0
const log = new LineSink()

beforeAll(async () => {
  tiny = await serveTiny({ requestTimeoutMs: 1_000, stallTimeoutMs: 1_500, log })
  port = Number(new URL(tiny.url).port)
})
afterAll(() => tiny.close())

async function until(condition: () => boolean, ms = 20_000): Promise<void> {
  const end = performance.now() + ms
  while (!condition()) {
    if (performance.now() > end) expect.fail(`not so after ${ms} ms: ${condition}`)
    await sleep(10)
  }
}

/** Opens a socket, sends something, and waits until the server closes it. */
async function converse(sent: string | Uint8Array, ms = 20_000): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(sent)
  const timer = setTimeout(() => socket.destroy(new TypeError('the server did not close the connection')), ms)
  const heard = await readToEnd(socket)
  clearTimeout(timer)
  return heard
}

async function readToEnd(socket: Socket): Promise<string> {
  let heard = ''
  socket.on('data', chunk => {
    heard += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  await new Promise(resolve => socket.once('close', resolve))
  return heard
}

async function isAlive(): Promise<boolean> {
  const response = await fetch(`${tiny.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny', prompt: 'x', max_tokens: 1 }),
  })
  return response.status === 200
}

test.each([
  ['no HTTP', '\x16\x03\x01\x02\x00 hello', /^HTTP\/1\.1 400/],
  ['a header without end', `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`, /^HTTP\/1\.1 431/],
  ['two lengths', 'POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n', /^HTTP\/1\.1 400/],
  [
    'a length and chunks',
    'POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n',
    /^HTTP\/1\.1 400/,
  ],
  [
    'a body that never ends',
    'POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"mod',
    /^HTTP\/1\.1 408/,
  ],
  ['headers that never end', 'GET /v1/models HTTP/1.1\r\nhost: loc', /^HTTP\/1\.1 408/],
  ['silence', '', /^(HTTP\/1\.1 408|$)/],
])('%s is answered and let go', async (_, sent, answer) => {
  expect(await converse(sent)).toMatch(answer)
  expect(await isAlive()).toBe(true)
})

test('a declared body beyond the limit is refused before it is sent', async () => {
  const head = 'POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n'
  const answer = await converse(head)
  expect(answer).toMatch(/^HTTP\/1\.1 413/)
  expect(answer).toMatch(/connection: close/i)
})

test('hundreds of silent connections leave room for others, and are let go', async () => {
  const sockets: Socket[] = []
  for (let i = 0; i < 500; i++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    socket.resume()
    sockets.push(socket)
  }
  await Promise.all(sockets.map(socket => new Promise(resolve => socket.once('connect', resolve))))
  expect(await isAlive()).toBe(true)
  await until(() => sockets.every(socket => socket.readyState === 'closed'))
})

test('a reader that takes nothing is let go, and its work ends', async () => {
  const body = JSON.stringify({
    model: 'tiny',
    messages: [{ role: 'user', content: 'x' }],
    n: 16,
    max_tokens: 480,
    logprobs: true,
    top_logprobs: 20,
    logit_bias: { 257: -100 },
    stream: true,
  })
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  socket.pause()
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-request-id: stalled\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  await until(() => tiny.model.activity().running === 16)
  await until(() => log.lines.some(line => line['requestId'] === 'stalled'), 50_000)
  expect(log.lines.find(line => line['requestId'] === 'stalled')).toMatchObject({ status: 499 })
  expect(tiny.model.activity()).toMatchObject({ running: 0, waiting: 0 })
  // The step at work may still write to the blocks.
  await until(() => tiny.model.activity().kvTokensUsed === 0)
  socket.destroy()
})

test('while a server is stopped no time of its clients runs', async () => {
  const stopped = await serveTiny({ requestTimeoutMs: 3_000, stallTimeoutMs: 3_000 })
  const request = (body: string): string =>
    `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  const body = { model: 'tiny', prompt: 'x', max_tokens: 200, ignore_eos: true }
  const whole = request(JSON.stringify(body))
  const streamed = request(JSON.stringify({ ...body, stream: true }))
  const clients = Array.from({ length: 3 }, () => connect(Number(new URL(stopped.url).port), '127.0.0.1'))
  const [before, after, reader] = clients as [Socket, Socket, Socket]
  const answers = clients.map(readToEnd)
  after.write(whole.slice(0, -5))
  reader.write(streamed)
  await until(() => stopped.model.activity().running === 1)
  // As a busy machine may: everything in this process, just before timers have their turn.
  await new Promise(resolve => setImmediate(resolve))
  before.write(whole)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6_000)
  setImmediate(() => after.write(whole.slice(-5)))
  const [sentBefore, sentAfter, read] = await Promise.all(answers)
  expect(sentBefore).toMatch(/^HTTP\/1\.1 200/)
  expect(sentAfter).toMatch(/^HTTP\/1\.1 200/)
  expect(read).toContain('data: [DONE]')
  await stopped.close()
})

test('what waits for a slow reader stays bounded', async () => {
  const app = fastify()
  let waiting = 0
  let sent = 0
  app.get('/', async (_, reply) => {
    const stream = new SseStream(reply, 60_000)
    try {
      for (; sent < 10_000; sent++) {
        await stream.send('x'.repeat(16_384))
        waiting = Math.max(waiting, reply.raw.writableLength)
      }
    } catch {
      // The reader left.
    } finally {
      stream.close()
    }
    return reply
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  let before = -1
  while (sent !== before || sent === 0) {
    before = sent
    await sleep(300)
  }
  expect(sent).toBeLessThan(2_000)
  expect(waiting).toBeLessThan(200_000)
  socket.destroy()
  await app.close()
})

test('after a storm of good, bad and broken requests nothing is left behind', async () => {
  const rng = new Rng(11)
  const bodies: readonly unknown[] = [
    { model: 'tiny', prompt: 'storm', max_tokens: 40, stream: true },
    { model: 'tiny', prompt: ['a', 'b'], max_tokens: 30, n: 2 },
    { model: 'tiny', prompt: 'x'.repeat(900) },
    { model: 'none', prompt: 'x' },
    { model: 'tiny', prompt: [1, 2, 99_999], stream: true },
    { model: 'tiny', prompt: 'x', temperature: [] },
    '{"model":',
  ]
  const request = async (index: number): Promise<void> => {
    const leaving = new AbortController()
    if (rng.below(3) === 0) setTimeout(() => leaving.abort(), rng.below(200))
    const body = bodies[index % bodies.length]
    try {
      const response = await fetch(`${tiny.url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        signal: leaving.signal,
      })
      expect([200, 400, 404]).toContain(response.status)
      await response.arrayBuffer()
    } catch (error) {
      if (!leaving.signal.aborted) throw error
    }
  }
  await Promise.all(Array.from({ length: 70 }, (_, index) => request(index)))
  await until(() => tiny.model.activity().running === 0 && tiny.model.activity().kvTokensUsed === 0)
  expect(tiny.model.activity().waiting).toBe(0)
  const metrics = await (await fetch(`${tiny.url}/metrics`)).text()
  expect(metrics).toContain('\nhence:num_requests_admitted 0\n')
  expect(log.lines.filter(({ status }) => Number(status) >= 500 || status === undefined).filter(({ msg }) => msg !== 'listening')).toEqual(
    [],
  )
})
