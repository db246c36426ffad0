import { packageVersion } from '../core/index.ts'
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
