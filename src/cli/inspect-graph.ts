import { allocate, isHenceError, type ModelValue, type ValueDescription } from '../core/index.ts'
import { type OnnxModel, openOnnx } from '../formats/index.ts'
import { importOnnx, profileGraph, type StartGraphOptions, startGraph } from '../graph/index.ts'
import { describeTensorModel } from '../tasks/index.ts'
import { EXIT } from './command.ts'
import { usageError } from './flags.ts'
import type { GraphReport } from './graph-report.ts'
import { graphSections, planText } from './inspect-graph-text.ts'
import type { Io } from './io.ts'
import { graphSpeed } from './machine-speed.ts'
import { planReport } from './plan-report.ts'
import { profileReport } from './profile-report.ts'
import { profileSections } from './profile-text.ts'
import { printable, styleOf, writeJson } from './terminal.ts'
import { timelineSvg } from './timeline-svg.ts'
import { traceOf } from './trace-events.ts'
import { writeText } from './write-text.ts'

/** What `inspect` is called with for an ONNX model. */
export interface GraphInspection {
  readonly path: string
  readonly isPlanned: boolean
  readonly hasTensors: boolean
  /** `name=1x3x224x224`, for inputs whose sizes the file leaves open. */
  readonly shapes: readonly string[]
  readonly profile?: ProfileRequest
  /** Measures the machine, and says how long each step takes at the least. */
  readonly isPredicted: boolean
  readonly options: StartGraphOptions
  readonly isJson: boolean
  readonly io: Io
}

/** What `--profile` is called with. */
export interface ProfileRequest {
  readonly runs: number | undefined
  /** Steps to list. */
  readonly top: number
  /** Files to write. */
  readonly trace: string | undefined
  readonly svg: string | undefined
}

/** Shows an ONNX model; exit code 1 when Hence lacks operators it needs. */
export async function inspectGraph(inspection: GraphInspection): Promise<number> {
  const { path, isPlanned, hasTensors, options, profile: request, isJson, io } = inspection
  const model = await openOnnx(path)
  const description = describeTensorModel(path, model, options.precision ?? 'exact', model.graph.nodes.length)
  const missing = await missingOperators(model)
  const isRunnable = Object.keys(missing).length === 0
  const run = (isPlanned || request) && isRunnable ? await runGraph(model, description.inputs, inspection) : {}
  const { plan, profile } = run
  if (profile && request?.trace !== undefined) await writeText(request.trace, JSON.stringify(traceOf(path, profile)))
  if (profile && request?.svg !== undefined) await writeText(request.svg, timelineSvg(path, profile))
  const report: GraphReport = {
    ...description,
    missing,
    ...(hasTensors ? { tensors: tensorList(model) } : {}),
    ...run,
  }
  if (isJson) writeJson(io, report)
  else {
    const { bold } = styleOf(io.stdout, io.env)
    const profiled = profile ? profileSections(profile, request!.top, bold) : []
    io.stdout.write([...graphSections(report, bold), ...(plan ? [printable(planText(plan))] : []), ...profiled].join('\n'))
    for (const file of [request?.trace, request?.svg]) if (profile && file !== undefined) io.stderr.write(`written to ${file}\n`)
  }
  return isRunnable ? EXIT.ok : EXIT.failed
}

async function missingOperators(model: OnnxModel): Promise<Readonly<Record<string, number>>> {
  try {
    await importOnnx(model)
    return {}
  } catch (error) {
    if (isHenceError(error, 'OPERATOR_UNSUPPORTED')) return error.details['missing'] as Record<string, number>
    throw error
  }
}

function tensorList({ graph }: OnnxModel): NonNullable<GraphReport['tensors']> {
  return [...graph.initializers].map(([name, { dtype, shape, data }]) => ({
    name,
    dtype,
    shape,
    bytes: Array.isArray(data) ? data.reduce((sum, text) => sum + Buffer.byteLength(text), 0) : data.byteLength,
  }))
}

/** Plans and profiles a graph by running it on zeros, for the sizes stated: a size with a name is 1 unless told otherwise. */
async function runGraph(
  model: OnnxModel,
  inputs: readonly ValueDescription[],
  { shapes, options, isPlanned, isPredicted, profile: request }: GraphInspection,
): Promise<Pick<GraphReport, 'plan' | 'profile'>> {
  const stated = readShapes(shapes, inputs)
  const { graph, backend } = await startGraph(model, options)
  try {
    const values = inputs.map(input => [input.name, zerosFor(input, stated.get(input.name))] as const)
    const used = Object.fromEntries(values.map(([name, value]) => [name, 'data' in value ? [...value.shape] : []] as const))
    if (!request) await graph.run(new Map(values))
    const profile = request && (await profileGraph(graph, new Map(values), { runs: request.runs }))
    const measure = isPredicted ? graphSpeed(backend, options) : async () => null
    return {
      ...(isPlanned ? { plan: await planReport(graph, backend, used, measure) } : {}),
      ...(profile ? { profile: await profileReport(profile, backend, used, measure) } : {}),
    }
  } finally {
    graph.dispose()
    backend.dispose()
  }
}

function zerosFor(input: ValueDescription, stated: readonly number[] | undefined): ModelValue {
  if (input.kind !== 'tensor') throw usageError(`the input "${input.name}" is a ${input.kind}; a plan needs tensors`, { input: input.name })
  if (!stated && !input.shape)
    throw usageError(`the file does not say how many axes the input "${input.name}" has`, {
      input: input.name,
      hint: `Give its shape: --shape ${input.name}=1x3x224x224`,
    })
  const shape = stated ?? input.shape!.map(size => (typeof size === 'number' ? size : 1))
  const dtype = input.dtype ?? 'f32'
  const count = shape.reduce((product, size) => product * size, dtype === 'c64' || dtype === 'c128' ? 2 : 1)
  return { dtype, shape, data: allocate(dtype, count) } as ModelValue
}

const MAX_ELEMENTS = 2 ** 31

function readShapes(shapes: readonly string[], inputs: readonly ValueDescription[]): Map<string, number[]> {
  const stated = new Map<string, number[]>()
  for (const text of shapes) {
    const equals = text.lastIndexOf('=')
    const name = text.slice(0, Math.max(0, equals))
    const input = inputs.find(candidate => candidate.name === name)
    const sizes = text.slice(equals + 1)
    if (!input) throw usageError(`--shape ${text}: the model has no input "${name}"`, { inputs: inputs.map(candidate => candidate.name) })
    if (!/^(\d+(x\d+)*)?$/.test(sizes)) throw usageError(`--shape ${text}: sizes are written 1x3x224x224`, { value: text })
    const shape = sizes === '' ? [] : sizes.split('x').map(Number)
    const isFitting =
      input.shape === undefined ||
      (input.shape.length === shape.length && input.shape.every((size, i) => typeof size !== 'number' || size === shape[i]))
    if (!isFitting || shape.reduce((product, size) => product * size, 1) > MAX_ELEMENTS)
      throw usageError(`--shape ${text}: the input has the shape [${input.shape?.map(size => size ?? '?').join(', ') ?? '?'}]`, {
        expected: input.shape ?? null,
        got: shape,
      })
    stated.set(name, shape)
  }
  return stated
}
