import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LoadReport } from '../../src/eval/index.ts'
import { serveTiny, type TestServer } from '../server.ts'
import { tinyModelFolder } from '../tiny-model.ts'
import { type CliOptions, hence } from './cli-process.ts'

/** What `hence bench --json` prints. */
interface Document {
  readonly target: { readonly backend: string; readonly model: string; readonly location: string }
  readonly settings: Readonly<Record<string, unknown>>
  readonly notes: readonly string[]
  readonly interrupted: boolean
  readonly runs: readonly LoadReport[]
}

let tiny: TestServer
let folder = ''
const SHORT = ['--input-tokens', '30', '--output-tokens', '6', '--requests', '6', '--warmup', '0', '--seed', '5']

beforeAll(async () => {
  tiny = await serveTiny()
  folder = mkdtempSync(join(tmpdir(), 'hence-bench-'))
})
afterAll(async () => {
  await tiny.close()
  rmSync(folder, { recursive: true })
})

async function bench(argv: readonly string[], options?: CliOptions): Promise<{ code: number; document: Document; stderr: string }> {
  const { code, stdout, stderr } = await hence(['bench', ...argv, '--json'], options)
  return { code, document: JSON.parse(stdout) as Document, stderr }
}

/** Counters of a server by their names without its prefix. */
async function countersOf(url: string, names: readonly string[]): Promise<number[]> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return names.map(name => Number(new RegExp(`^hence:${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)![1]))
}

async function withServer<T>(answer: RequestListener, work: (url: string, server: Server) => Promise<T>): Promise<T> {
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const MODELS = JSON.stringify({ object: 'list', data: [{ id: 'stub', object: 'model' }] })

function event(text: string, finish: string | null = null): string {
  return `data: ${JSON.stringify({ choices: [{ index: 0, text, finish_reason: finish }] })}\n\n`
}

describe('against a server', () => {
  test('counts what the server counts', async () => {
    const path = join(folder, 'prompts.jsonl')
    writeFileSync(path, ['{"prompt":"Once upon"}', '{"prompt":"a time, long ago","max_tokens":3}', '{"prompt":"x"}'].join('\n'))
    const names = ['prompt_tokens_total', 'generation_tokens_total', 'e2e_request_latency_seconds_count']
    const before = await countersOf(tiny.url, names)
    const { code, document } = await bench([
      tiny.url,
      '--dataset',
      path,
      '--requests',
      '9',
      '--concurrency',
      '3',
      '--warmup',
      '0',
      '--eos',
      'ignore',
      '--output-tokens',
      '8',
    ])
    const after = await countersOf(tiny.url, names)
    expect(code).toBe(0)
    expect(document.notes).toEqual([expect.stringContaining('the dataset has 3 prompts for 9 requests')])
    expect(document.target).toEqual({ backend: 'openai', model: 'tiny', location: `${tiny.url}/v1` })
    const [run] = document.runs
    expect(run).toMatchObject({ completed: 9, failed: 0, cancelled: 0, max_concurrency: 3, request_rate: null, has_usage: true })
    expect([run!.total_input_tokens, run!.total_output_tokens, run!.completed]).toEqual(after.map((count, i) => count - before[i]!))
    // Three rounds of the dataset: 8 + 3 + 8 tokens each.
    expect(run!.total_output_tokens).toBe(57)
    expect(run!.max_concurrent_requests).toBeLessThanOrEqual(3)
    expect(run!.p50_ttft_ms).toBeLessThanOrEqual(run!.p99_ttft_ms!)
    expect(run!.mean_e2el_ms).toBeGreaterThanOrEqual(run!.mean_ttft_ms!)
  })

  test('conversations go to the chat endpoint, and an open loop tells its rate', async () => {
    const path = join(folder, 'talks.jsonl')
    writeFileSync(path, '{"messages":[{"role":"user","content":"hello"}]}\n')
    const { code, document } = await bench([`${tiny.url}/v1/`, '--dataset', path, '--rate', '200,inf', '--requests', '8'])
    expect(code).toBe(0)
    expect(document.target.backend).toBe('openai-chat')
    expect(document.runs.map(run => [run.completed, run.request_rate])).toEqual([
      [8, 200],
      [8, 'inf'],
    ])
    expect(await hence(['bench', tiny.url, '--dataset', path, '--endpoint', 'completions'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has conversations, which --endpoint completions does not take'),
    })
  })

  test('random words come near to the length asked for', async () => {
    const { document } = await bench([tiny.url, ...SHORT, '--input-tokens', '200', '--requests', '12', '--details'])
    const [run] = document.runs as (LoadReport & { input_lens: number[]; itls: number[][]; errors: string[] })[]
    expect(Math.abs(run!.total_input_tokens / 12 - 200)).toBeLessThan(40)
    expect(new Set(run!.input_lens).size).toBeGreaterThan(1)
    expect(run!.total_output_tokens).toBe(72)
    expect([run!.itls.length, run!.errors]).toEqual([12, Array(12).fill('')])
  })

  test('a sweep has a row, a picture and a page', async () => {
    const file = (name: string): string => join(folder, name)
    const files = ['--output', file('a.json'), '--svg', file('a.svg'), '--html', file('a.html')]
    const { code, stdout, stderr } = await hence([
      'bench',
      tiny.url,
      ...SHORT,
      '--concurrency',
      '1,3',
      '--goodput',
      'ttft:60000,tpot:60000',
      ...files,
    ])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^load {2,}answers\/s .* good\/s$/m)
    expect(stdout).toMatch(/^1 user .*\n3 users /m)
    const document = JSON.parse(readFileSync(file('a.json'), 'utf8')) as Document
    expect(document.runs.map(run => [run.max_concurrency, run.completed])).toEqual([
      [1, 6],
      [3, 6],
    ])
    for (const run of document.runs) expect(run.request_goodput).toBe(run.request_throughput)
    const svg = readFileSync(file('a.svg'), 'utf8')
    expect(svg.match(/<polyline/g)).toHaveLength(7)
    expect(svg.match(/<circle[^>]*><title>3 users/g)).toHaveLength(7)
    expect(svg).not.toMatch(/NaN|undefined|Infinity/)
    const page = readFileSync(file('a.html'), 'utf8')
    expect(page).toContain('<svg')
    const json = /<pre>([^<]*)<\/pre>/.exec(page)![1]!.replaceAll('&quot;', '"').replaceAll('&amp;', '&')
    expect(JSON.parse(json)).toEqual(document)
    expect(page).not.toMatch(/NaN|undefined|(src|href)=/)
  })

  test('at a terminal a line tells how far it is; one point is told in full', async () => {
    const { stdout, stderr } = await hence(['bench', tiny.url, ...SHORT, '--requests', '60', '--concurrency', '2'], { isTerminal: true })
    expect([stderr.startsWith('\r\x1b[K'), stderr.endsWith('\r\x1b[K')]).toEqual([true, true])
    expect(stderr).toContain('2 users')
    expect(stdout).toContain('60 requests answered, 0 failed in ')
    expect(stdout).toMatch(/^first token \(TTFT\) +[\d.,]+ /m)
    expect((await bench([tiny.url, ...SHORT], { isTerminal: true })).stderr).toBe('')
  })

  test('Ctrl-C ends it with what was measured so far', async () => {
    const options = { isTerminal: true, interruptAfter: 'tokens/s' }
    const argv = ['bench', tiny.url, ...SHORT, '--requests', '100000', '--concurrency', '1,2']
    const { code, stdout } = await hence(argv, options)
    expect(code).toBe(130)
    expect(stdout).toMatch(/[1-9]\d* requests? answered, 0 failed/)
    expect(stdout).toContain('stopped before the end')
    // The server learns a moment later that its clients are gone.
    await expect.poll(() => tiny.model.activity(), { timeout: 20_000 }).toMatchObject({ running: 0, waiting: 0 })
  })

  test('a server that is full refuses some, and both are counted', async () => {
    const small = await serveTiny({ maxAdmitted: 2 })
    try {
      const { code, document } = await bench([small.url, ...SHORT, '--requests', '20', '--output-tokens', '60', '--rate', 'inf'])
      expect(code).toBe(0)
      const [run] = document.runs
      expect(run!.completed).toBeGreaterThanOrEqual(2)
      expect(run!.failed).toBe(20 - run!.completed)
      expect(run!.failures).toEqual([{ reason: expect.stringMatching(/^HTTP 429: /), count: run!.failed }])
      expect(run!.total_output_tokens).toBe(60 * run!.completed)
    } finally {
      await small.close()
    }
  })

  test('a server that always refuses: nothing was answered, exit code 1', async () => {
    const refuse: RequestListener = (request, response) => {
      if (request.url === '/v1/models') response.setHeader('content-type', 'application/json').end(MODELS)
      else response.writeHead(429).end('{"error":{"message":"Slow down."}}')
    }
    await withServer(refuse, async url => {
      const { code, stdout } = await hence(['bench', url, ...SHORT])
      expect(code).toBe(1)
      expect(stdout).toContain('0 requests answered, 6 failed')
      expect(stdout).toContain('6 × HTTP 429: Slow down.')
    })
  })

  test('a server that dies midway: what it answered counts, the rest has its reason', async () => {
    let answers = 0
    let die = (): void => {}
    const answer: RequestListener = (request, response) => {
      if (request.url === '/v1/models') {
        response.setHeader('content-type', 'application/json').end(MODELS)
        return
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event('one '))
      if (++answers > 4) setImmediate(() => die())
      else response.end(`${event('two', 'stop')}data: [DONE]\n\n`)
    }
    await withServer(answer, async (url, server) => {
      die = () => {
        server.close()
        server.closeAllConnections()
      }
      const path = join(folder, 'one.jsonl')
      writeFileSync(path, '{"prompt":"x"}')
      const { code, document } = await bench([url, '--dataset', path, '--requests', '9', '--warmup', '0'])
      expect(code).toBe(0)
      const [run] = document.runs
      expect(run).toMatchObject({ completed: 4, failed: 5, has_usage: false, total_output_tokens: 8 })
      expect(run!.failures.map(({ reason }) => reason).sort()).toEqual([
        'the connection was closed before the end of the answer',
        'the connection was refused',
      ])
    })
  })

  test.each([
    ['an event with an error', `${event('a')}data: {"error":{"message":"Out of luck."}}\n\n`, 'the stream broke off: Out of luck.'],
    ['an end before the answer ends', event('a'), 'the stream ended before the answer did'],
    ['nonsense', 'data: {"choi\n\n', 'an event of the stream is no JSON'],
  ])('a stream with %s has failed', async (_, stream, reason) => {
    const answer: RequestListener = (request, response) => {
      response.setHeader('content-type', request.url === '/v1/models' ? 'application/json' : 'text/event-stream')
      response.end(request.url === '/v1/models' ? MODELS : stream)
    }
    await withServer(answer, async url => {
      const { code, document } = await bench([url, ...SHORT])
      expect([code, document.runs[0]!.failures]).toEqual([1, [{ reason, count: 6 }]])
    })
  })
})

describe('what cannot be measured is told at once', () => {
  const page: RequestListener = (_, response) => response.setHeader('content-type', 'text/html').end('<h1>Welcome</h1>')

  test('a port where nobody listens', async () => {
    const url = await withServer(page, async free => free)
    const { code, stderr, stdout } = await hence(['bench', url])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(`cannot reach ${url}/v1: the connection was refused\nhint: Check the address`)
  })

  test('a server that is something else', async () => {
    await withServer(page, async url => {
      expect((await hence(['bench', url])).stderr).toContain("does not speak OpenAI's API")
    })
    const missing: RequestListener = (_, response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not found</h1>')
    await withServer(missing, async url => {
      expect((await hence(['bench', url])).stderr).toContain('gives HTTP 404')
    })
  })

  test('a key that is wrong, a model that is not there, a prompt that does not fit', async () => {
    const locked = await serveTiny({ apiKeys: ['secret'] })
    try {
      expect(await hence(['bench', locked.url, ...SHORT])).toMatchObject({ code: 1, stderr: expect.stringContaining('HTTP 401') })
      expect((await bench([locked.url, ...SHORT], { env: { HENCE_API_KEY: 'secret' } })).document.runs[0]).toMatchObject({ completed: 6 })
    } finally {
      await locked.close()
    }
    expect((await hence(['bench', tiny.url, ...SHORT, '--model', 'other'])).stderr).toContain('has no model "other"; it has tiny')
    const long = await hence(['bench', tiny.url, ...SHORT, '--warmup', '1', '--input-tokens', '2000'])
    expect([long.code, long.stderr]).toEqual([1, expect.stringMatching(/HTTP 400: The prompt has \d+ tokens and the context 512/)])
  })

  test.each([
    [[], 'takes one model or one URL'],
    [['a', 'b'], 'takes one model or one URL'],
    [['x', '--concurrency', '1,0'], '--concurrency takes whole numbers from 1 to 65536 with commas between them, is "1,0"'],
    [['x', '--concurrency', 'inf'], '--concurrency takes whole numbers'],
    [['x', '--rate', '0'], '--rate takes numbers from 0.000001 to 1000000 or inf'],
    [['x', '--rate', '1,'], '--rate takes numbers'],
    [['x', '--rate', '1', '--concurrency', '1,2'], 'a sweep goes over --concurrency or --rate'],
    [['x', '--range-ratio', '1'], '--range-ratio must be a number from 0 to 0.999'],
    [['x', '--burstiness', '0'], '--burstiness must be a number from 0.001'],
    [['x', '--goodput', 'ttfb:5'], '--goodput: goodput: "ttfb:5" is no limit'],
    [
      ['localhost:8000'],
      'localhost:8000 looks like the address of a server\nhint: An address begins with its scheme: http://localhost:8000',
    ],
    [['x', '--requets', '5'], 'did you mean --requests?'],
  ])('%j', async (argv, message) => {
    expect(await hence(['bench', ...argv])).toMatchObject({ code: 2, stderr: expect.stringContaining(message) })
  })

  test('a file that is missing, also as JSON', async () => {
    const { code, stdout } = await hence(['bench', '/nonexistent/model.gguf', '--json'])
    expect([code, JSON.parse(stdout).error.code]).toEqual([1, 'FILE_NOT_FOUND'])
    const output = await hence(['bench', tiny.url, ...SHORT, '--output', join(folder, 'none', 'x.json')])
    expect([output.code, output.stderr]).toEqual([1, expect.stringContaining('x.json could not be written: ENOENT')])
    const dataset = await hence(['bench', tiny.url, '--dataset', '/nonexistent/x.jsonl'])
    expect([dataset.code, dataset.stderr]).toEqual([1, expect.stringContaining('/nonexistent/x.jsonl')])
  })
})

test('a model in this process', async () => {
  const model = await tinyModelFolder()
  try {
    const argv = [model.path, ...SHORT, '--backend', 'reference', '--concurrency', '2', '--range-ratio', '0.5']
    const { code, document } = await bench(argv)
    expect(code).toBe(0)
    expect(document.target).toMatchObject({ backend: 'in-process', location: model.path })
    const [run] = document.runs
    expect(run).toMatchObject({ completed: 6, failed: 0, has_usage: true })
    expect(run!.total_input_tokens).toBeGreaterThanOrEqual(6 * 15)
    expect(run!.total_input_tokens).toBeLessThanOrEqual(6 * 45)
    const again = (await bench(argv)).document.runs[0]!
    expect([again.total_input_tokens, again.total_output_tokens]).toEqual([run!.total_input_tokens, run!.total_output_tokens])
    const long = await hence(['bench', model.path, '--backend', 'reference', '--input-tokens', '200'])
    expect([long.code, long.stderr]).toEqual([1, expect.stringContaining('the prompt has 200 tokens and the context 96')])
    expect(await hence(['bench', model.path, '--model', 'x'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--model goes with a URL'),
    })
  } finally {
    model.remove()
  }
})
