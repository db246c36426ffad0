import { createInterface } from 'node:readline'
import type { Io } from './io.ts'
import { readLines } from './read-prompt.ts'
import { styleOf } from './terminal.ts'

/** Where the user's messages come from. */
export interface MessageSource {
  /** The next message; undefined when the user leaves. */
  next(): Promise<string | undefined>
}

/** Begins and ends a message of several lines. */
const FENCE = '"""'
/** Lines that follow each other this fast were pasted together. */
const PASTE_MS = 40
const HISTORY_LINES = 500

/** Joins lines to messages: one line each, or what stands between fences. */
class Assembler {
  #lines: string[] | undefined

  get isOpen(): boolean {
    return this.#lines !== undefined
  }

  /** The message that `line` completes. */
  push(line: string): string | undefined {
    if (this.#lines === undefined) {
      const text = line.trimStart()
      if (!text.startsWith(FENCE)) return line
      this.#lines = []
      return this.push(text.slice(FENCE.length))
    }
    const isLast = line.trimEnd().endsWith(FENCE)
    this.#lines.push(isLast ? line.trimEnd().slice(0, -FENCE.length) : line)
    return isLast ? this.rest() : undefined
  }

  /** What was collected of an open message. */
  rest(): string | undefined {
    const lines = this.#lines
    this.#lines = undefined
    return lines?.join('\n').replace(/^\n|\n$/g, '')
  }
}

/** Messages from a pipe or a file, one a line. */
export function pipedMessages(io: Io): MessageSource {
  const lines = readLines(io)
  const assembler = new Assembler()
  return {
    async next() {
      for (;;) {
        const { value, done } = await lines.next()
        if (done) return assembler.rest()
        const message = assembler.push(value)
        if (message !== undefined) return message
      }
    },
  }
}

/**
 * Messages typed at a terminal, with editing and history. Pasted lines make one message. Ctrl-C empties the line; on an
 * empty line it leaves at the second time, as Ctrl-D does at once. Between messages Ctrl-C is the process's own.
 */
export function typedMessages(io: Io): MessageSource {
  const { bold, dim } = styleOf(io.stdout, io.env)
  let history: string[] = []
  return {
    next: () =>
      new Promise(resolve => {
        const assembler = new Assembler()
        const pasted: string[] = []
        let timer: NodeJS.Timeout | undefined
        let isLeaving = false
        let isFinished = false
        const reader = createInterface({ input: io.stdin, output: io.stdout, terminal: true, history, historySize: HISTORY_LINES })
        const ask = (): void => {
          reader.setPrompt(assembler.isOpen || pasted.length > 0 ? dim('… ') : bold('> '))
          reader.prompt()
        }
        const finish = (message: string | undefined): void => {
          clearTimeout(timer)
          resolve(message)
          isFinished = true
          reader.close()
        }
        reader.on('history', lines => {
          history = [...lines]
        })
        reader.on('line', line => {
          isLeaving = false
          clearTimeout(timer)
          const message = assembler.push(line)
          if (message === undefined) return ask()
          pasted.push(message)
          // What is still in the editor is the last line of a paste; it comes with Enter.
          timer = setTimeout(() => (reader.line === '' ? finish(pasted.join('\n')) : undefined), PASTE_MS)
        })
        reader.on('SIGINT', () => {
          const isEmpty = reader.line === '' && !assembler.isOpen
          if (isEmpty && isLeaving) {
            io.stdout.write('\n')
            return finish(undefined)
          }
          isLeaving = isEmpty
          assembler.rest()
          pasted.length = 0
          io.stdout.write(isEmpty ? dim('\n(Ctrl-C again leaves, as does Ctrl-D)\n') : '\n')
          // Empties the editor without touching what was printed.
          reader.write(null, { ctrl: true, name: 'e' })
          reader.write(null, { ctrl: true, name: 'u' })
          ask()
        })
        reader.on('close', () => {
          if (isFinished) return
          io.stdout.write('\n')
          resolve(undefined)
        })
        ask()
      }),
  }
}
