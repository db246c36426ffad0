/** Prints the first shell command under a heading of README.md: `node scripts/readme-command.mjs Test` -> `npm test`. */
import { readFileSync } from 'node:fs'

const heading = process.argv[2]
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const section = readme.split(/^## /m).find(text => text.startsWith(`${heading}\n`))
const command = section?.match(/^```sh\n(.+)\n/m)?.[1]
if (!command) {
  console.error(`readme-command: README.md has no shell command under "## ${heading}"`)
  process.exit(1)
}
console.log(command)
