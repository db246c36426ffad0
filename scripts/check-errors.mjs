/** Only HenceError is thrown in src/: a bare Error has no code, no facts and no hint. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bareThrow = /\bthrow new (?!HenceError\b)\w+/

let found = 0
for (const name of readdirSync(join(root, 'src'), { recursive: true })) {
  if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue
  const lines = readFileSync(join(root, 'src', name), 'utf8').split('\n')
  for (const [index, line] of lines.entries()) {
    if (!bareThrow.test(line)) continue
    found++
    console.error(`src/${name}:${index + 1}: ${line.trim()}`)
  }
}
if (found > 0) console.error(`check-errors: throw a HenceError with a code from src/core/errors.ts instead (${found} places)`)
process.exitCode = found > 0 ? 1 : 0
