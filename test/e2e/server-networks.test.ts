import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BayesNet, load, writeBif } from '../../src/index.ts'
import { type RunningServer, serve } from '../../src/server/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'hence-networks-'))
let server: RunningServer

beforeAll(async () => {
  const net = BayesNet.from({
    name: 'ward',
    variables: [
      { name: 'disease', states: ['yes', 'no'], table: [0.01, 0.99] },
      { name: 'test', states: ['positive', 'negative'], parents: ['disease'], table: [0.9, 0.1, 0.05, 0.95] },
    ],
  })
  const path = join(folder, 'ward.bif')
  writeFileSync(path, writeBif(net.toDescription()))
  server = await serve({ port: 0, models: { ward: load(path, { kind: 'network' }) } })
  await server.ready()
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

async function ask(body: unknown): Promise<{ status: number; answer: Record<string, unknown> }> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${server.url}/v1/networks/ward/query`, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> }
}

test('a question is answered with the numbers of Bayes’ rule', async () => {
  const { status, answer } = await ask({ ask: ['disease'], given: { test: 'positive' } })
  expect(status).toBe(200)
  const evidence = 0.01 * 0.9 + 0.99 * 0.05
  expect(answer).toMatchObject({ isExact: true, posteriors: { disease: { yes: expect.closeTo((0.01 * 0.9) / evidence, 12) } } })
  expect(answer['logEvidence']).toBeCloseTo(Math.log(evidence), 12)
})

test('what is done differs from what is seen', async () => {
  const { answer } = await ask({ ask: 'disease', do: { test: 'positive' } })
  expect(answer['posteriors']).toEqual({ disease: { yes: expect.closeTo(0.01, 12), no: expect.closeTo(0.99, 12) } })
})

test.each([
  [{ ask: ['disaese'] }, 400, /disease/],
  [{ ask: ['disease'], given: { test: 'positiv' } }, 400, /positive/],
  [{ ask: ['disease'], given: 7 }, 400, /given/],
  [{ ask: 7 }, 400, /7/],
  [{ wanted: ['disease'] }, 400, /wanted/],
  [{ timeoutMs: -1 }, 400, /timeoutMs/],
  [{ timeoutMs: 1e9 }, 400, /timeoutMs/],
  [{ maxCells: 1e9 }, 400, /maxCells/],
  [{ method: 'lw', samples: 1e12 }, 400, /samples/],
  [[], 400, /object/],
  ['text', 400, /object/],
])('%j is refused', async (body, status, message) => {
  const { answer, ...got } = await ask(body)
  expect(got.status).toBe(status)
  expect((answer['error'] as { message: string }).message).toMatch(message)
})

test('a network is a tool for language models', async () => {
  const { tool } = (await (await fetch(`${server.url}/v1/networks/ward`)).json()) as { tool: { type: string; function: { name: string } } }
  expect(tool).toMatchObject({
    type: 'function',
    function: { name: 'query_ward', parameters: { properties: { given: { properties: { test: { enum: ['positive', 'negative'] } } } } } },
  })
})

test('a network generates no text and takes no tensors, and is listed', async () => {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ model: 'ward', prompt: 'x' })
  const response = await fetch(`${server.url}/v1/completions`, { method: 'POST', headers, body })
  expect(response.status).toBe(400)
  expect(await response.text()).toContain('/v1/networks/ward/query')
  expect((await fetch(`${server.url}/v2/models/ward`)).status).toBe(400)
  expect((await fetch(`${server.url}/v1/networks/wart`)).status).toBe(404)
  expect(await (await fetch(`${server.url}/v1/models`)).text()).toContain('ward')
  const { models } = (await (await fetch(`${server.url}/hence/status`)).json()) as { models: unknown[] }
  expect(models).toEqual([{ name: 'ward', state: 'ready', kind: 'network', architecture: expect.any(String), parameters: 6 }])
  expect((await fetch(`${server.url}/metrics`)).status).toBe(200)
})
