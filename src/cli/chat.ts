import type { GenerationResult, LanguageModel } from '../core/index.ts'
import { HenceError, isHenceError, nearest } from '../core/index.ts'
import { detectFormat } from '../formats/index.ts'
import { type ChatSession, plainSession, templateSession } from './chat-session.ts'
import { type Call, type Command, defineCommand, EXIT } from './command.ts'
import { findSource } from './find-source.ts'
import { switchFlag, textFlag, usageError } from './flags.ts'
import { formatBytes, formatCount, formatPlural } from './format.ts'
import type { Io } from './io.ts'
import { loadModel } from './load-model.ts'
import { type MessageSource, pipedMessages, typedMessages } from './message-source.ts'
import { generateOptions, LOAD_FLAGS, loadOptions, SAMPLING_FLAGS } from './model-flags.ts'
import { answerSummary } from './stats.ts'
import { printable, shownOn, styleOf, writeJson } from './terminal.ts'

const FLAGS = {
  system: textFlag('TEXT', 'an instruction that stands before the conversation'),
  plain: switchFlag('continues a text that you and the model write in turn; for models without a chat template'),
  ...SAMPLING_FLAGS,
  ...LOAD_FLAGS,
}

export const chatCommand: Command = defineCommand({
  name: 'chat',
  summary: 'talks with a model',
  usage: 'chat MODEL',
  flags: FLAGS,
  notes: [
    'Ctrl-C stops an answer; Ctrl-D leaves. A message of several lines is pasted, or stands between lines of """.',
    'When the conversation outgrows the context, its oldest turns are dropped, and you are told.',
    'With standard input from a pipe, every line is a message and only the answers are printed.',
  ],
  examples: ['hence chat model.gguf', 'hence chat stories.bin --plain', 'printf "Hello\\nAnd again\\n" | hence chat model.gguf --json'],
  run,
})

/** What a conversation needs. */
interface Chat {
  readonly model: LanguageModel
  readonly session: ChatSession
  readonly source: MessageSource
  readonly io: Io
  readonly flags: Call<typeof FLAGS>['flags']
  readonly isTyped: boolean
  readonly answers: GenerationResult[]
}

async function run({ flags, positionals, io }: Call<typeof FLAGS>): Promise<number> {
  const [source, ...others] = positionals
  if (source === undefined || others.length > 0)
    throw usageError(`hence chat needs one model, got ${formatPlural(positionals.length, 'argument')}`, { hint: 'hence chat MODEL' })
  if (flags.plain && flags.system !== undefined) throw usageError('--system needs a chat template, which --plain does without')
  const path = await findSource(source, io, flags.json)
  if ((await detectFormat(path)).kind === 'onnx')
    throw new HenceError('OPTION_INVALID', `${path} is an ONNX graph: it computes tensors and cannot talk`, {
      path,
      hint: `\`hence inspect ${path}\` shows what it takes, \`hence run ${path}\` runs it.`,
    })
  const model = await loadModel(path, loadOptions(flags), io, flags.json)
  try {
    if (!flags.plain && !model.describe().hasChatTemplate)
      throw new HenceError('TEMPLATE_MISSING', `${path} has no chat template: it was made to continue texts, not to talk`, {
        path,
        hint: `\`hence chat ${path} --plain\` lets it continue what you write.`,
      })
    const isTyped = io.stdin.isTTY === true && io.stdout.isTTY === true && !flags.json
    const session = flags.plain ? plainSession(model) : templateSession(model, flags.system)
    const chat: Chat = { model, session, source: isTyped ? typedMessages(io) : pipedMessages(io), io, flags, isTyped, answers: [] }
    if (isTyped) greet(chat, path)
    const code = await converse(chat)
    if (flags.json) writeJson(io, { model: path, messages: session.messages(), answers: chat.answers })
    return code
  } finally {
    await model[Symbol.asyncDispose]()
  }
}

async function converse(chat: Chat): Promise<number> {
  for (;;) {
    const message = await chat.source.next()
    if (message === undefined) return EXIT.ok
    if (/^\/[a-z]*(\s|$)/.test(message)) {
      if (obey(message, chat) === 'exit') return EXIT.ok
      continue
    }
    if (message.trim() === '' && !chat.flags.plain) continue
    try {
      const result = await answer(message, chat)
      if (result.finishReason === 'aborted' && !chat.isTyped) return EXIT.interrupted
    } catch (error) {
      // At a terminal the conversation goes on after a refusal.
      if (!chat.isTyped || !isHenceError(error)) throw error
      notice(chat, `${error.message}. ${error.hint}`)
    }
  }
}

async function answer(message: string, chat: Chat): Promise<GenerationResult> {
  const { session, io, flags, isTyped } = chat
  const controller = new AbortController()
  const stopListening = io.onInterrupt(() => controller.abort())
  const forgot = (what: string): void => notice(chat, `(the context is full: ${what} of the conversation dropped)`)
  const generation = session.begin(message, { ...generateOptions(flags), signal: controller.signal }, forgot)
  try {
    for await (const { text } of generation) if (text !== '' && !flags.json) io.stdout.write(shownOn(io.stdout, text))
    if (!flags.json) io.stdout.write('\n')
    const result = await generation.done()
    if (result.tokens.length > 0) session.end(result)
    else session.undo()
    chat.answers.push(result)
    if (isTyped) io.stdout.write(`${styleOf(io.stdout, io.env).dim(answerSummary(result))}\n\n`)
    return result
  } catch (error) {
    session.undo()
    throw error
  } finally {
    stopListening()
  }
}

const COMMANDS: Readonly<Record<string, { readonly help: string; act(rest: string, chat: Chat): 'exit' | undefined }>> = {
  '/help': {
    help: 'shows these commands',
    act(_, chat) {
      for (const [name, { help }] of Object.entries(COMMANDS)) notice(chat, `${name.padEnd(9)}${help}`)
      notice(chat, '"""      begins and ends a message of several lines; Ctrl-C stops an answer, Ctrl-D leaves')
      return undefined
    },
  },
  '/clear': {
    help: 'forgets the conversation',
    act(_, chat) {
      chat.session.clear()
      notice(chat, '(forgotten)')
      return undefined
    },
  },
  '/system': {
    help: 'TEXT: replaces the instruction before the conversation',
    act(rest, chat) {
      chat.session.setSystem(rest)
      notice(chat, rest === '' ? '(no instruction)' : '(from the next message on)')
      return undefined
    },
  },
  '/stats': {
    help: 'shows what was used so far',
    act(_, chat) {
      for (const line of statsLines(chat)) notice(chat, line)
      return undefined
    },
  },
  '/exit': { help: 'leaves', act: () => 'exit' },
}

function obey(message: string, chat: Chat): 'exit' | undefined {
  const [name = ''] = message.split(/\s/)
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command) {
    const close = nearest(name, Object.keys(COMMANDS))
    notice(chat, `there is no ${name}${close ? `; did you mean ${close}?` : ''} /help shows the commands`)
    return undefined
  }
  try {
    return command.act(message.slice(name.length).trim(), chat)
  } catch (error) {
    if (!isHenceError(error)) throw error
    notice(chat, `${error.message}. ${error.hint}`)
    return undefined
  }
}

function statsLines({ answers, model }: Chat): string[] {
  const { context } = model.describe()
  const last = answers.at(-1)
  if (!last) return [`no answer yet; context ${formatCount(context)} tokens`]
  const tokens = answers.reduce((sum, { usage }) => sum + usage.completionTokens, 0)
  return [
    `${formatPlural(answers.length, 'answer')}, ${formatPlural(tokens, 'token')}`,
    `context: ${formatCount(last.usage.totalTokens)} of ${formatCount(context)} tokens`,
    `last: ${answerSummary(last)}`,
  ]
}

/** Words of the program, apart from those of the model: dim at a terminal, else on standard error. */
function notice({ io, isTyped }: Chat, text: string): void {
  const stream = isTyped ? io.stdout : io.stderr
  stream.write(`${styleOf(stream, io.env).dim(printable(text))}\n`)
}

function greet(chat: Chat, path: string): void {
  const { architecture, memory, backend, context } = chat.model.describe()
  const name = path.split('/').filter(Boolean).at(-1) ?? path
  notice(chat, `${name}: ${architecture}, ${formatBytes(memory.weightBytes)}, ${backend?.name}, context ${formatCount(context)} tokens`)
  notice(
    chat,
    chat.flags.plain
      ? 'You and the model write one text in turn; Enter alone lets it go on. /help'
      : '/help shows the commands, Ctrl-D leaves.',
  )
}
