/**
 * Starts a command that serves, talks to it as a newcomer would, and ends it with Ctrl-C: `node scripts/try-start.mjs npm
 * start`. Shows what the command printed.
 */
import { spawn } from 'node:child_process'

const [program, ...args] = process.argv.slice(2)
const READY_MS = 300_000
const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
const ended = new Promise(resolve => child.on('exit', (code, signal) => resolve(code ?? signal)))
let output = ''

try {
  const url = await Promise.race([address(), ended.then(code => fail(`it ended with ${code} before it served`)), after(READY_MS)])
  const { status } = await fetch(`${url}/health`)
  if (status !== 200) fail(`/health answers ${status}`)
  const page = await (await fetch(url)).text()
  if (!/<title>/.test(page)) fail('there is no page at the address')
  const messages = [{ role: 'user', content: 'Tell me a story about a fox.' }]
  const { choices } = await post(`${url}/v1/chat/completions`, { model: 'storyteller', messages, temperature: 0 })
  console.log(`> Tell me a story about a fox.\n${choices[0].message.content}`)
  if (!/\bfox\b.*\.$/s.test(choices[0].message.content)) fail('the storyteller told no story about a fox')
  const picture = { name: 'image', datatype: 'FP32', shape: [1, 1, 32, 32], data: Array(1_024).fill(0.5) }
  const { outputs } = await post(`${url}/v2/models/shapes/infer`, { inputs: [picture] })
  if (outputs[0].data.length !== 8) fail('the classifier did not answer')
} finally {
  // Ctrl-C reaches everything that runs in a terminal.
  process.kill(-child.pid, 'SIGINT')
  console.log(`ended with ${await Promise.race([ended, after(30_000)])}`)
}

async function post(url, body) {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  return response.ok ? response.json() : fail(`${url} answers ${response.status}: ${await response.text()}`)
}

function address() {
  return new Promise(resolve => {
    child.stdout.setEncoding('utf8').on('data', text => {
      process.stdout.write(text)
      output += text
      const url = /http:\/\/[\w.]+:\d+/.exec(output)?.[0]
      if (url) resolve(url)
    })
  })
}

async function after(ms) {
  await new Promise(resolve => setTimeout(resolve, ms).unref())
  fail(`nothing happened within ${ms / 1_000} s`)
}

function fail(message) {
  throw new Error(`try-start: ${message}`)
}
