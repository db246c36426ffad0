/**
 * What the server costs beside the engine, and what it holds out.
 *
 *   npm run bench:server -- MODEL [--threads 1] [--requests 400] [--connections 10000]
 *
 * MODEL should be small, so that the engine's own time does not hide the server's. Client and server are two processes on
 * one machine: where that has two cores, they and the engine's threads share them.
 */
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { Agent, createServer, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { load } from '../dist/index.js'
import { serve } from '../dist/server/index.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const {
  values,
  positionals: [path],
} = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '1' },
    requests: { type: 'string', default: '400' },
    connections: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false },
    stub: { type: 'boolean', default: false },
    plain: { type: 'boolean', default: false },
  },
})
const PROMPT = 'Once upon a time'
const STREAM_TOKENS = 64
const threads = Number(values.threads)
const requests = Number(values.requests)

/** A model that says fifty words without thinking, so that nothing but the server is measured. */
async function serveStub() {
  const piece = { text: 'word ', token: 1 }
  const result = {
    text: piece.text.repeat(50),
    tokens: Array(50).fill(1),
    finishReason: 'length',
    usage: { promptTokens: 1, completionTokens: 50, totalTokens: 51 },
    timings: { queueMs: 0, timeToFirstTokenMs: 0, promptTokensPerSecond: 0, completionTokensPerSecond: 0, totalMs: 0 },
    seed: 0,
  }
  const generate = (_, { maxTokens = 50 }) => ({
    async *[Symbol.asyncIterator]() {
      for (let i = 0; i < maxTokens; i++) yield piece
    },
    done: async () => result,
  })
  const model = {
    kind: 'language',
    describe: () => ({ hasChatTemplate: true, hasTokenizer: true }),
    generate,
    chat: generate,
    activity: () => ({ running: 0, waiting: 0, kvTokensUsed: 0, kvTokens: 0 }),
  }
  const server = await serve({ models: { stub: model }, port: 0, page: false })
  process.send(server.url)
}

/** The same events from nothing but node:http, as a measure of what is possible here. */
async function servePlain() {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => {
      body += chunk
    })
    request.on('end', () => {
      const { model } = JSON.parse(body)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const head = { id: 'chatcmpl-0', object: 'chat.completion.chunk', created: 0, model }
      for (let i = 0; i < 50; i++)
        response.write(
          `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta: { content: 'word ' }, logprobs: null, finish_reason: null }] })}\n\n`,
        )
      response.end('data: [DONE]\n\n')
    })
  })
  server.listen(0, '127.0.0.1', () => process.send(`http://127.0.0.1:${server.address().port}`))
}

async function measure() {
  if (!path) {
    console.error('usage: npm run bench:server -- MODEL [--threads N] [--requests N] [--connections N]')
    process.exit(2)
  }
  const load = loadavg()[0]
  const page = pageWeight()
  const start = await startToFirstToken()
  const { server, url } = await startServer()
  const client = new Client(url)
  const name = (await client.json('GET', '/v1/models')).data[0].id
  const bare = await bareModel()
  const single = await alternate(
    requests,
    () => bare({ maxTokens: 1 }),
    () => client.json('POST', '/v1/completions', { model: name, prompt: PROMPT, max_tokens: 1, temperature: 0 }),
  )
  const streaming = await alternate(
    Math.ceil(requests / 4),
    () => bare({ maxTokens: STREAM_TOKENS, ignoreEos: true }),
    () =>
      client.text('POST', '/v1/completions', {
        model: name,
        prompt: PROMPT,
        max_tokens: STREAM_TOKENS,
        temperature: 0,
        ignore_eos: true,
        stream: true,
      }),
  )
  const idle = await idleConnections(url, client, server.pid)
  server.kill('SIGINT')
  const streams = await streamsPerSecond()
  const report = { load, threads, page, start, single, streaming, streams, idle }
  if (values.json) console.log(JSON.stringify(report, undefined, 2))
  else print(report)
  process.exit(0)
}

/** A client that keeps its connections. */
class Client {
  #url
  #agent

  constructor(url, sockets = 1) {
    this.#url = new URL(url)
    this.#agent = new Agent({ keepAlive: true, maxSockets: sockets })
  }

  text(method, target, body) {
    return new Promise((resolve, reject) => {
      const text = body && JSON.stringify(body)
      const headers = text ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {}
      const { hostname, port } = this.#url
      const outgoing = httpRequest({ hostname, port, method, path: target, headers, agent: this.#agent }, response => {
        let heard = ''
        response.setEncoding('utf8')
        response.on('data', chunk => {
          heard += chunk
        })
        response.on('end', () => (response.statusCode === 200 ? resolve(heard) : reject(new Error(`${response.statusCode} ${heard}`))))
      })
      outgoing.on('error', reject)
      outgoing.end(text)
    })
  }

  async json(method, target, body) {
    return JSON.parse(await this.text(method, target, body))
  }
}

/** Times two things in turn, so that whatever else happens on the machine meets both. */
async function alternate(count, bare, served) {
  const times = { bare: [], served: [] }
  for (let i = -Math.ceil(count / 10); i < count; i++) {
    const begun = performance.now()
    await bare()
    const between = performance.now()
    await served()
    if (i < 0) continue
    times.bare.push(between - begun)
    times.served.push(performance.now() - between)
  }
  const of = list => {
    const sorted = list.toSorted((a, b) => a - b)
    return { p50: sorted[Math.floor(count * 0.5)], p99: sorted[Math.floor(count * 0.99)] }
  }
  return { count, bare: of(times.bare), served: of(times.served) }
}

/** The same model in this process. */
async function bareModel() {
  const model = await load(path, { kind: 'language', threads })
  return options => model.generate(PROMPT, { temperature: 0, ...options }).done()
}

function startServer() {
  const child = spawn(
    process.execPath,
    [join(root, 'dist/cli/main.js'), 'serve', path, '--port', '0', '--json', '--log', 'off', '--threads', String(threads)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  return new Promise((resolve, reject) => {
    let heard = ''
    child.stdout.setEncoding('utf8').on('data', chunk => {
      heard += chunk
      try {
        resolve({ server: child, url: JSON.parse(heard).url })
      } catch {
        // The document is not whole yet.
      }
    })
    child.once('exit', code => reject(new Error(`the server ended with ${code}`)))
  })
}

/** From nothing to the first token over HTTP, milliseconds; best of three. */
async function startToFirstToken() {
  const times = []
  for (let i = 0; i < 3; i++) {
    const begun = performance.now()
    const { server, url } = await startServer()
    const listening = performance.now() - begun
    const client = new Client(url)
    const { id } = (await client.json('GET', '/v1/models')).data[0]
    await client.json('POST', '/v1/completions', { model: id, prompt: PROMPT, max_tokens: 1 })
    times.push({ listening, firstToken: performance.now() - begun })
    server.kill('SIGINT')
    await once(server, 'exit')
  }
  return times.sort((a, b) => a.firstToken - b.firstToken)[0]
}

function pageWeight() {
  const folder = join(root, 'dist/web')
  const files = readdirSync(folder, { recursive: true }).filter(name => /\.\w+$/.test(name))
  return {
    files: files.length,
    gzippedBytes: files.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name)), { level: 9 }).length, 0),
  }
}

/** Streams of fifty events each, over 32 connections, from a model that costs nothing; and from bare node:http, in turn. */
async function streamsPerSecond() {
  const kinds = ['--stub', '--plain']
  const rates = { '--stub': [], '--plain': [] }
  const children = kinds.map(kind => fork(fileURLToPath(import.meta.url), [kind]))
  const clients = []
  for (const child of children) clients.push(new Client((await once(child, 'message'))[0], 32))
  for (let round = 0; round < 4; round++)
    for (const [i, kind] of kinds.entries()) {
      const rate = await streamRate(clients[i], 1.5)
      if (round > 0) rates[kind].push(rate)
    }
  for (const child of children) child.kill()
  const [perSecond, plainPerSecond] = kinds.map(kind => rates[kind].sort((a, b) => a - b)[1])
  return { perSecond, plainPerSecond }
}

async function streamRate(client, seconds) {
  const end = performance.now() + seconds * 1_000
  let count = 0
  const worker = async () => {
    for (; performance.now() < end; count++)
      await client.text('POST', '/v1/chat/completions', { model: 'stub', messages: [{ role: 'user', content: 'x' }], stream: true })
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: 32 }, worker))
  return count / ((performance.now() - begun) / 1_000)
}

/** Connections that say nothing: what they cost in memory, and how long a request takes beside them. */
async function idleConnections(url, client, pid) {
  const { hostname, port } = new URL(url)
  const before = residentBytes(pid)
  const sockets = []
  const wanted = Number(values.connections)
  let refused = 0
  while (sockets.length < wanted && refused === 0) {
    const some = Array.from({ length: Math.min(250, wanted - sockets.length) }, () => {
      const socket = connect(Number(port), hostname).on('error', () => refused++)
      return new Promise(resolve => socket.once('connect', () => resolve(socket)).once('close', () => resolve(socket)))
    })
    sockets.push(...(await Promise.all(some)))
  }
  await sleep(500)
  const bytes = residentBytes(pid) - before
  const times = []
  for (let i = 0; i < 50; i++) {
    const begun = performance.now()
    await client.json('GET', '/v1/models')
    times.push(performance.now() - begun)
  }
  for (const socket of sockets) socket.destroy()
  times.sort((a, b) => a - b)
  return { connections: sockets.length - refused, bytesPerConnection: Math.round(bytes / sockets.length), p50: times[25], p99: times[49] }
}

function residentBytes(pid) {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match[1]) * 1024
}

function print({ load, page, start, single, streaming, streams, idle }) {
  const ms = value => value.toFixed(2).padStart(8)
  const row = (title, { bare, served }) =>
    console.log(
      `${title}  engine ${ms(bare.p50)} ${ms(bare.p99)}   served ${ms(served.p50)} ${ms(served.p99)}   more ${ms(served.p50 - bare.p50)} ${ms(served.p99 - bare.p99)}`,
    )
  console.log(`load average before: ${load.toFixed(2)}; ${threads} threads; milliseconds, p50 and p99`)
  row('1 token       ', single)
  row(`${STREAM_TOKENS} tokens, SSE`, streaming)
  console.log(
    `streams of 50 events: ${streams.perSecond.toFixed(0)} per second; bare node:http ${streams.plainPerSecond.toFixed(0)} (${(streams.perSecond / streams.plainPerSecond).toFixed(2)}×)`,
  )
  console.log(`start: listening and loaded after ${start.listening.toFixed(0)} ms, first token after ${start.firstToken.toFixed(0)} ms`)
  console.log(`page: ${page.gzippedBytes} bytes gzipped in ${page.files} files`)
  console.log(
    `${idle.connections} idle connections: ${idle.bytesPerConnection} bytes each; a request beside them ${ms(idle.p50)} ${ms(idle.p99)}`,
  )
}

if (values.stub) await serveStub()
else if (values.plain) await servePlain()
else await measure()
