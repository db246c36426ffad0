import { type Command, defineCommand, EXIT } from './command.ts'

export const chatCommand: Command = defineCommand({
  name: 'chat',
  summary: '',
  usage: 'chat MODEL',
  flags: {},
  examples: [],
  async run() {
    return EXIT.ok
  },
})
