/**
 * `npm start`: serves a classifier of drawn shapes, which ships with Hence, and a tiny language model with random weights,
 * since no trained one ships yet; says how to talk to them and how to load something bigger.
 * The port is 8000, or what PORT says; when it is taken, any free one.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const maker = join(root, 'scripts', 'tiny-model.mjs')
const tiny = join(root, 'build', 'tiny-random-llama.gguf')
if (!existsSync(tiny) || statSync(tiny).mtimeMs < statSync(maker).mtimeMs) spawnSync(process.execPath, [maker, tiny], { stdio: 'inherit' })
const models = [`tiny=${tiny}`, `shapes=${join(root, 'models', 'shapes', 'shapes.onnx')}`]
const wanted = Number(process.env.PORT ?? 8_000)
const port = (await isFree(wanted)) ? wanted : 0
if (port !== wanted) console.log(`Port ${wanted} is taken, so another one is used.`)

const command = [join(root, 'dist', 'cli', 'main.js'), 'serve', ...models, '--port', String(port), '--json', '--log', 'text']
const server = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
let output = ''
let isAnnounced = false
server.stdout.setEncoding('utf8').on('data', text => {
  output += text
  const announcement = isAnnounced ? undefined : parsed(output)
  if (!announcement) return
  isAnnounced = true
  console.log(greeting(announcement.url))
})
// A terminal sends Ctrl-C to the server as well; others send it to this process only.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.stdin.isTTY || server.kill('SIGINT'))
server.on('exit', code => {
  process.exitCode = code ?? 1
})

function greeting(url) {
  const body = JSON.stringify({ model: 'tiny', prompt: 'Once upon a time', max_tokens: 32 })
  return `
Hence serves two models at ${url}: open it in a browser, or press Ctrl-C to end.

  shapes   names a drawn shape
  tiny     a language model with random weights: it has learned nothing, so expect noise

Talk to it as to OpenAI's API:
  curl ${url}/v1/completions -H 'content-type: application/json' \\
    -d '${body}'

Something bigger, from a file, a folder or the Hugging Face hub:
  node dist/cli/main.js serve path/to/model.gguf
  node dist/cli/main.js chat org/name
  node dist/cli/main.js inspect path/to/model.gguf   what it takes and how fast it can be here
  node dist/cli/main.js doctor                       what this machine can do
`
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isFree(candidate) {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(candidate, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
