import { type Command, defineCommand, EXIT } from './command.ts'

export const inspectCommand: Command = defineCommand({
  name: 'inspect',
  summary: '',
  usage: 'inspect MODEL',
  flags: {},
  examples: [],
  async run() {
    return EXIT.ok
  },
})
