import { Writable } from 'node:stream'
import type { Io } from './io.ts'
import { styleOf } from './terminal.ts'

/** A line of the server's log. */
interface LogLine {
  readonly time: string
  readonly msg: string
  readonly requestId?: string
  readonly method?: string
  readonly route?: string | null
  readonly status?: number
  readonly ms?: number
  readonly model?: string
  readonly promptTokens?: number
  readonly completionTokens?: number
  readonly firstTokenMs?: number
  readonly code?: string
  readonly stack?: readonly string[]
}

/** Shows the server's log on standard error for people: a short line for every request. */
export function requestLines(io: Io): Writable {
  const { dim, bold } = styleOf(io.stderr, io.env)
  return new Writable({
    decodeStrings: false,
    write(chunk, _, done) {
      const line = JSON.parse(String(chunk)) as LogLine
      if (line.msg === 'request') io.stderr.write(`${requestLine(line, dim, bold)}\n`)
      else if (line.msg === 'failure') io.stderr.write(`${[line.requestId, line.code, ...(line.stack ?? [])].join('\n')}\n`)
      done()
    },
  })
}

function requestLine(line: LogLine, dim: (text: string) => string, bold: (text: string) => string): string {
  const { status = 0, promptTokens, completionTokens } = line
  const tokens = completionTokens === undefined ? [] : [`${promptTokens} → ${completionTokens} tokens, first after ${line.firstTokenMs} ms`]
  const parts = [`${line.ms} ms`, ...(line.model ? [line.model] : []), ...tokens, ...(line.code ? [line.code] : [])]
  const shown = status >= 400 ? bold(String(status)) : String(status)
  return `${dim(line.time.slice(11, 19))} ${shown} ${line.method} ${line.route ?? '(no route)'}  ${parts.join(' · ')}  ${dim(line.requestId ?? '')}`
}
