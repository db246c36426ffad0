import type { OnnxModel } from '../../../src/formats/index.ts'
import type { Value } from '../../../src/graph/index.ts'
import { decodeCase, type OnnxCase } from './cases.ts'
import { difference } from './compare.ts'

/** Anything that runs a model: outputs by name. */
export type RunModel = (model: OnnxModel, inputs: Readonly<Record<string, Value>>) => Promise<Readonly<Record<string, Value>>>

/** Runs every data set of a case; says what is wrong in a line, undefined when nothing is. */
export async function runCase(onnxCase: OnnxCase, run: RunModel): Promise<string | undefined> {
  try {
    const { model, dataSets } = decodeCase(onnxCase)
    for (const [i, { inputs, outputs }] of dataSets.entries()) {
      const results = await run(model, inputs)
      for (const [name, expected] of Object.entries(outputs)) {
        const problem = difference(expected, results[name])
        if (problem) return `${dataSets.length > 1 ? `data set ${i}: ` : ''}output "${name}": ${problem}`
      }
    }
    return undefined
  } catch (error) {
    return describe(error)
  }
}

/** Errors of Hence by code and message; of anything else also where it was thrown. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && 'hint' in error) return `${error.code}: ${error.message}`
  const place = error.stack?.split('\n').find(line => line.includes('/src/'))
  return `${error.name}: ${error.message}${place ? ` ${place.trim()}` : ''}`
}
