/** `npm start`: shows the engine at work on a tiny random model, since no trained model ships with the package yet. */
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const maker = join(root, 'scripts', 'tiny-model.mjs')
const model = join(root, 'build', 'tiny-random-llama.gguf')
const prompt = 'Once upon a time'

if (!existsSync(model) || statSync(model).mtimeMs < statSync(maker).mtimeMs) runNode([maker, model], 'inherit')

const output = hence('run', model, '--prompt', prompt, '--max-tokens', '48', '--temperature', '1', '--seed', '4', '--json')
const { text, usage, timings } = JSON.parse(output)
const { backend } = JSON.parse(hence('doctor', '--quick', '--json'))

console.log(`A tiny language model goes on from "${prompt}". Its weights are random: it has learned nothing, so expect noise.

  ${prompt}${wrapped(text, prompt.length)}

${usage.completionTokens} tokens at ${Math.round(timings.completionTokensPerSecond).toLocaleString('en-US')} tokens/s on the ${backendName(backend)} backend

Next, give it a model that was trained, as a .gguf file or a Hugging Face folder:
  node dist/cli/main.js run path/to/model.gguf --prompt "${prompt}"
  node dist/cli/main.js chat path/to/model.gguf
  node dist/cli/main.js inspect path/to/model.gguf   what it takes and how fast it can be here
  node dist/cli/main.js doctor                       what this machine can do`)

function hence(...args) {
  return runNode([join(root, 'dist', 'cli', 'main.js'), ...args], ['ignore', 'pipe', 'inherit'])
}

function runNode(args, stdio) {
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, stdio, encoding: 'utf8' })
  if (status === 0) return stdout
  if (stdout) console.error(stdout)
  process.exit(status ?? 1)
}

function backendName({ name, target }) {
  return target ? `${name} (${target})` : name
}

/** Lines of at most 80 characters, indented; `used` characters of the first are taken. */
function wrapped(words, used) {
  let column = used
  return words.replace(/\s+/g, ' ').replace(/ ?[^ ]+/g, word => {
    column += word.length
    if (column <= 80) return word
    column = word.trim().length
    return `\n  ${word.trim()}`
  })
}
