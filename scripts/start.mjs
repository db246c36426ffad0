/** `npm start`: shows the engine at work on a tiny random model, since no trained model ships with the package yet. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const model = join(root, 'build', 'tiny-random-llama.gguf')

if (!existsSync(model)) runNode('scripts/tiny-model.mjs', model)

console.log('A tiny llama with random weights continues a prompt. It has learned nothing, so expect noise:\n')
runNode('dist/cli/main.js', 'run', model, '--prompt', 'Once upon a time', '--max-tokens', '48')
console.log(`
Next, try a model that was trained:
  node dist/cli/main.js run path/to/model.gguf --prompt "Once upon a time"
  node dist/cli/main.js chat path/to/model.gguf`)

function runNode(script, ...args) {
  const { status } = spawnSync(process.execPath, [join(root, script), ...args], { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
