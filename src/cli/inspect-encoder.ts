import { openHuggingFaceFolder } from '../formats/index.ts'
import { encoderFromHuggingFace, writeTower } from '../llm/index.ts'
import { printProgram } from '../program/index.ts'
import { inspect, type LoadTensorOptions } from '../tasks/index.ts'
import { EXIT } from './command.ts'
import { graphSections } from './inspect-graph-text.ts'
import type { Io } from './io.ts'
import { printable, styleOf, writeJson } from './terminal.ts'

/** What `inspect` is called with for an encoder. */
export interface EncoderInspection {
  readonly path: string
  readonly hasProgram: boolean
  readonly options: LoadTensorOptions
  readonly isJson: boolean
  readonly io: Io
}

/** Shows an encoder: what it takes and gives, and the program of each tower. */
export async function inspectEncoder({ path, hasProgram, options, isJson, io }: EncoderInspection): Promise<number> {
  const description = await inspect(path, { ...options, kind: 'tensor' })
  const programs = hasProgram ? await programsOf(description.source) : []
  if (isJson) writeJson(io, { ...description, ...(hasProgram ? { programs } : {}) })
  else {
    const { bold } = styleOf(io.stdout, io.env)
    io.stdout.write(
      [
        ...graphSections({ ...description, inputs: [...description.inputs, ...description.optionalInputs], missing: {} }, bold),
        ...programs.map(printable),
      ].join('\n'),
    )
  }
  return EXIT.ok
}

async function programsOf(folder: string): Promise<string[]> {
  const { config, checkpoint } = await openHuggingFaceFolder(folder)
  try {
    const { text, image } = await encoderFromHuggingFace(config, checkpoint, folder)
    return [text, image].flatMap(tower => (tower ? [printProgram(writeTower(tower))] : []))
  } finally {
    await checkpoint.close()
  }
}
