import type { Io, Output } from './io.ts'

/** Styles of text on a terminal; plain where there is none, or where `NO_COLOR` or a dumb terminal forbids it. */
export interface Style {
  bold(text: string): string
  dim(text: string): string
}

/** The style for a stream. */
export function styleOf(output: Output, env: Io['env']): Style {
  const isStyled = output.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  const wrap = (code: number) => (text: string) => (isStyled && text !== '' ? `\x1b[${code}m${text}\x1b[0m` : text)
  return { bold: wrap(1), dim: wrap(2) }
}

/** Text of unknown origin without the control characters that could move a terminal's cursor or worse. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, '\ufffd')
}

/** Text of a model for a stream: as it is, unless a terminal would obey what is in it. */
export function shownOn(output: Output, text: string): string {
  return output.isTTY ? printable(text) : text
}

/** One JSON document, for `--json`. */
export function writeJson(io: Io, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
}
