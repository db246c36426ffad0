import { readFileSync } from 'node:fs'
import { type Command, defineCommand, EXIT } from './command.ts'
import { writeJson } from './terminal.ts'

export const versionCommand: Command = defineCommand({
  name: 'version',
  summary: 'prints the version',
  usage: 'version',
  flags: {},
  examples: ['hence version'],
  async run({ flags, io }) {
    const version = packageVersion()
    if (flags.json) writeJson(io, { hence: version, node: process.versions.node })
    else io.stdout.write(`hence ${version}\n`)
    return EXIT.ok
  },
})

/** The version in package.json, which lies two folders above in a checkout and in the package alike. */
export function packageVersion(): string {
  const content = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  return content.version
}
