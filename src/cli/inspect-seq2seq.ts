import { openHuggingFaceFolder } from '../formats/index.ts'
import { seq2seqFromHuggingFace, writeSeq2Seq } from '../llm/index.ts'
import { printProgram } from '../program/index.ts'
import { inspect, isSeq2Seq, type LoadOptions } from '../tasks/index.ts'
import { EXIT } from './command.ts'
import { formatBytes, formatCount, formatLargeCount, formatPlural } from './format.ts'
import { typeLines } from './inspect-text.ts'
import type { Io } from './io.ts'
import { section, tableLines } from './table.ts'
import { printable, styleOf, writeJson } from './terminal.ts'

/** What an encoder–decoder reads: `text` or `sound`; undefined for any other source. */
export async function readsOf(path: string): Promise<'text' | 'sound' | undefined> {
  if (!(await isSeq2Seq(path))) return undefined
  const description = await inspect(path)
  return description.kind === 'language' ? description.encoder?.input : undefined
}

/** What `inspect` is called with for an encoder–decoder. */
export interface Seq2SeqInspection {
  readonly path: string
  readonly hasProgram: boolean
  readonly options: LoadOptions
  readonly isJson: boolean
  readonly io: Io
}

/** Shows an encoder–decoder: both sides, tensors, memory, and the program of each side. */
export async function inspectSeq2Seq({ path, hasProgram, options, isJson, io }: Seq2SeqInspection): Promise<number> {
  const description = await inspect(path, { ...options, kind: 'language' })
  const programs = hasProgram ? await programsOf(description.source) : []
  if (isJson) {
    writeJson(io, { description, ...(hasProgram ? { programs } : {}) })
    return EXIT.ok
  }
  const { encoder, memory, files } = description
  const { bold } = styleOf(io.stdout, io.env)
  const reads =
    encoder?.input === 'sound'
      ? `sound, ${formatCount(encoder.context)} vectors a stretch`
      : `texts of up to ${formatCount(encoder!.context)} tokens`
  const model = [
    ['architecture', description.architecture],
    ['parameters', `${formatLargeCount(description.parameters)} (${formatCount(description.parameters)})`],
    ['encoder', `${formatPlural(encoder!.layers, 'layer')}, reads ${reads}`],
    ['decoder', `${formatPlural(description.layers, 'layer')}, writes up to ${formatCount(description.context)} tokens`],
    [
      'shape',
      `width ${formatCount(description.hidden)}, MLP ${formatCount(description.mlpWidth)}, vocabulary ${formatCount(description.vocabulary)}`,
    ],
    ['attention', `${formatPlural(description.heads, 'head')} of ${description.headDim}`],
    [
      'format',
      `${description.format}, ${formatPlural(files.length, 'file')}, ${formatBytes(files.reduce((sum, { bytes }) => sum + bytes, 0))}`,
    ],
    ['tokenizer', description.hasTokenizer ? 'yes' : 'no: give one with --tokenizer'],
    ['precision', description.precision],
  ]
  const needs = [
    ['weights', formatBytes(memory.weightBytes)],
    [
      'keys and values',
      `${formatBytes(memory.kvBytesPerToken)} a token (${memory.kvType}), ${formatBytes(memory.kvPoolBytes)} for ${formatCount(memory.kvPoolTokens)} tokens`,
    ],
    ['one step', formatBytes(memory.arenaBytes)],
  ]
  io.stdout.write(
    [
      `${bold(printable(description.source))}\n`,
      section(bold('model'), tableLines(model)),
      section(bold('tensors'), typeLines(description.tensorTypes)),
      section(bold('memory'), tableLines(needs)),
      ...programs.map(printable),
    ].join('\n'),
  )
  return EXIT.ok
}

async function programsOf(folder: string): Promise<string[]> {
  const { config, checkpoint } = await openHuggingFaceFolder(folder)
  try {
    const { encoder, decoder } = writeSeq2Seq(seq2seqFromHuggingFace(config, checkpoint, folder), { kvType: 'f32' })
    return [printProgram(encoder), printProgram(decoder)]
  } finally {
    await checkpoint.close()
  }
}
