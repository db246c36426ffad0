/** Prints the first shell command under a heading of README.md: `node scripts/readme-command.mjs Test` -> `npm test`. */
import { readmeBlocks } from './readme-blocks.mjs'

const wanted = process.argv[2]
const command = readmeBlocks('sh')
  .find(({ heading }) => heading === wanted)
  ?.code.split('\n')[0]
if (!command) {
  console.error(`readme-command: README.md has no shell command under "## ${wanted}"`)
  process.exit(1)
}
console.log(command)
