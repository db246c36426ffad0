import { type Command, defineCommand, EXIT } from './command.ts'

export const doctorCommand: Command = defineCommand({
  name: 'doctor',
  summary: '',
  usage: 'doctor MODEL',
  flags: {},
  examples: [],
  async run() {
    return EXIT.ok
  },
})
