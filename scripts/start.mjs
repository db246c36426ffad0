/**
 * `npm start`: serves the models that ship with Hence, a teller of little stories and a classifier of drawn shapes; says how
 * to talk to them and how to load something bigger. The port is 8000, or what PORT says; when it is taken, any free one.
 */
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const models = ['storyteller/storyteller.gguf', 'shapes/shapes.onnx'].map(path => join(root, 'models', path))
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
  const body = JSON.stringify({ model: 'storyteller', messages: [{ role: 'user', content: 'Tell me a story about a fox.' }] })
  return `
Hence serves two models at ${url}: open it in a browser, or press Ctrl-C to end.

  storyteller   tells little stories and answers questions about them
  shapes        names a drawn shape

Talk to it as to OpenAI's API:
  curl ${url}/v1/chat/completions -H 'content-type: application/json' \\
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
