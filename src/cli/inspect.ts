import { findAddon } from '../backends/index.ts'
import { elementCount } from '../core/index.ts'
import { type Checkpoint, detectFormat, WEIGHT_TYPES } from '../formats/index.ts'
import { planEngine } from '../llm/index.ts'
import { printProgram } from '../program/index.ts'
import { inspect, isEncoder } from '../tasks/index.ts'
import { type Call, type Command, defineCommand, EXIT } from './command.ts'
import { findSource } from './find-source.ts'
import { integerFlag, listFlag, switchFlag, textFlag, usageError } from './flags.ts'
import { formatBytes, formatCount, formatPlural } from './format.ts'
import { inspectCausal } from './inspect-causal.ts'
import { inspectEncoder } from './inspect-encoder.ts'
import { inspectGraph } from './inspect-graph.ts'
import { inspectNetwork } from './inspect-network.ts'
import { inspectSeq2Seq, readsOf } from './inspect-seq2seq.ts'
import { type Inspection, inspectionSections, typeLines } from './inspect-text.ts'
import { LOAD_FLAGS, loadOptions } from './model-flags.ts'
import { type OpenSource, openSource } from './open-source.ts'
import { predictSpeed } from './predict-speed.ts'
import { programCosts } from './program-costs.ts'
import { section, tableLines } from './table.ts'
import { printable, styleOf, writeJson } from './terminal.ts'

const FLAGS = {
  tensors: switchFlag('lists the tensors'),
  program: switchFlag('prints the program that computes one step'),
  plan: switchFlag('plans an ONNX model for its input shapes: graph, programs, and the least time they take here'),
  shape: listFlag('NAME=1x3x224x224', 'shape of an input for --plan and --profile; sizes the file leaves open are 1'),
  profile: switchFlag('runs an ONNX model on zeros, and shows what each step takes'),
  runs: integerFlag('N', 'runs of --profile once the model is warm', { min: 1, max: 100_000 }, '10'),
  top: integerFlag('N', 'steps that --profile lists, the slowest first; 0 for all in order', { min: 0, max: 1_000_000 }, '10'),
  trace: textFlag('FILE.json', 'writes the profile as a Chrome trace, which Perfetto shows'),
  svg: textFlag('FILE.svg', 'writes the profile as a picture; draws a Bayesian network or a causal graph'),
  'tree-svg': textFlag('FILE.svg', 'draws the junction tree of a Bayesian network'),
  'no-measure': switchFlag('measures nothing and predicts no speed'),
  ...LOAD_FLAGS,
}

export const inspectCommand: Command = defineCommand({
  name: 'inspect',
  summary: 'shows what a model is made of, what it takes and how fast it can be here',
  usage: 'inspect MODEL',
  flags: FLAGS,
  examples: [
    'hence inspect model.gguf',
    'hence inspect model.gguf --context 32768 --no-measure',
    'hence inspect model.gguf --program',
    'hence inspect model.onnx --plan --shape x=1x3x224x224',
    'hence inspect model.onnx --profile --runs 50 --svg timeline.svg',
    'hence inspect asia.bif --svg network.svg --tree-svg tree.svg',
  ],
  run,
})

async function run({ flags, positionals, io }: Call<typeof FLAGS>): Promise<number> {
  const [given, ...others] = positionals
  if (given === undefined || others.length > 0)
    throw usageError(`hence inspect needs one model, got ${formatPlural(positionals.length, 'argument')}`, { hint: 'hence inspect MODEL' })
  const path = await findSource(given, io, flags.json)
  const { kind, path: found } = await detectFormat(path)
  const isProfiled = flags.profile || flags.trace !== undefined || flags.svg !== undefined
  const isPlanned = flags.plan || (flags.shape.length > 0 && !isProfiled)
  if (kind === 'network') return inspectNetwork({ path: found, svg: flags.svg, treeSvg: flags['tree-svg'], isJson: flags.json, io })
  if (flags['tree-svg'] !== undefined) throw usageError(`${path} is no Bayesian network, so it has no junction tree to draw`)
  if (kind === 'causal') return inspectCausal({ path: found, svg: flags.svg, isJson: flags.json, io })
  if (kind === 'onnx') {
    const { backend, threads, target, precision } = loadOptions(flags)
    const options = { backend, threads, target, precision }
    return inspectGraph({
      path: found,
      isPlanned: isPlanned || flags.program,
      hasTensors: flags.tensors,
      shapes: flags.shape,
      ...(isProfiled ? { profile: { runs: flags.runs, top: flags.top ?? 10, trace: flags.trace, svg: flags.svg } } : {}),
      isPredicted: !flags['no-measure'],
      options,
      isJson: flags.json,
      io,
    })
  }
  if (isProfiled) throw usageError(`${path} is no ONNX model; \`hence run --stats\` shows how fast a language model is`)
  if (isPlanned) throw usageError(`${path} is no ONNX model; --program prints the program of a language model`)
  if (await isEncoder(path)) {
    const { backend, threads, target, precision } = loadOptions(flags)
    return inspectEncoder({ path, hasProgram: flags.program, options: { backend, threads, target, precision }, isJson: flags.json, io })
  }
  if ((await readsOf(path)) !== undefined)
    return inspectSeq2Seq({ path, hasProgram: flags.program, options: loadOptions(flags), isJson: flags.json, io })
  const source = await openSource(path)
  try {
    const { bold } = styleOf(io.stdout, io.env)
    const tensors = flags.tensors ? tensorList(source.checkpoint) : undefined
    if ((source.checkpoint.unsupported?.size ?? 0) > 0) {
      const report = unsupportedReport(source)
      if (flags.json) writeJson(io, { ...report, ...(tensors ? { tensors } : {}) })
      else io.stdout.write([...unsupportedSections(report, bold), ...tensorSections(tensors, bold)].join('\n'))
      return EXIT.ok
    }
    const { program, ...inspection } = await inspectSource(path, source, flags)
    if (flags.json) {
      writeJson(io, { ...inspection, ...(tensors ? { tensors } : {}), ...(flags.program ? { program } : {}) })
      return EXIT.ok
    }
    const sections = [...inspectionSections(inspection, bold), ...tensorSections(tensors, bold)]
    if (flags.program) sections.push(printable(program))
    io.stdout.write(sections.join('\n'))
    return EXIT.ok
  } finally {
    await source.checkpoint.close()
  }
}

async function inspectSource(
  path: string,
  source: OpenSource,
  flags: Call<typeof FLAGS>['flags'],
): Promise<Inspection & { program: string }> {
  const options = loadOptions(flags)
  const decoder = await source.readDecoder()
  const description = await inspect(path, { ...options, kind: 'language' })
  const { program } = planEngine(decoder, options)
  const costs = programCosts(program, source.checkpoint.tensors)
  const isNative = findAddon().addon !== undefined && options.backend !== 'reference'
  const speed = isNative && !flags['no-measure'] ? await predictSpeed(description, costs, options) : null
  return { description, costs, speed, program: printProgram(program) }
}

function tensorList({
  tensors,
  unsupported,
}: Checkpoint): { name: string; type: string; shape: readonly number[]; bytes: number | null }[] {
  const readable = [...tensors.values()].map(({ name, type, shape, byteLength }) => ({
    name,
    type: type as string,
    shape,
    bytes: byteLength,
  }))
  const others = [...(unsupported ?? [])].flatMap(([type, names]) => names.map(name => ({ name, type, shape: [], bytes: null })))
  return [...readable, ...others]
}

function tensorSections(tensors: ReturnType<typeof tensorList> | undefined, bold: (text: string) => string): string[] {
  if (!tensors) return []
  const rows = tensors.map(({ name, type, shape, bytes }) => [
    name,
    type,
    bytes === null ? '' : `[${shape.map(formatCount).join(' × ')}]`,
    bytes === null ? 'not readable' : formatBytes(bytes),
  ])
  return [section(bold('tensors by name'), tableLines(rows, [3]))]
}

/** What can be said of a model with tensors of types Hence does not read. */
interface UnsupportedReport {
  readonly source: string
  readonly format: string
  readonly architecture: string
  readonly files: readonly { readonly path: string; readonly bytes: number }[]
  readonly tensorTypes: Readonly<Record<string, { tensors: number; elements: number; bytes: number }>>
  /** Tensors by the types that cannot be read. */
  readonly unsupported: Readonly<Record<string, number>>
  readonly supported: readonly string[]
}

function unsupportedReport({ path, checkpoint, architecture }: OpenSource): UnsupportedReport {
  const tensorTypes: Record<string, { tensors: number; elements: number; bytes: number }> = {}
  for (const { type, shape, byteLength } of checkpoint.tensors.values()) {
    tensorTypes[type] ??= { tensors: 0, elements: 0, bytes: 0 }
    const entry = tensorTypes[type]
    entry.tensors++
    entry.elements += elementCount(shape)
    entry.bytes += byteLength
  }
  return {
    source: path,
    format: checkpoint.format,
    architecture,
    files: checkpoint.files.map(file => ({ path: file.path, bytes: file.size })),
    tensorTypes,
    unsupported: Object.fromEntries([...(checkpoint.unsupported ?? [])].map(([type, names]) => [type, names.length])),
    supported: WEIGHT_TYPES,
  }
}

function unsupportedSections(report: UnsupportedReport, bold: (text: string) => string): string[] {
  const { source, format, architecture, files, tensorTypes, unsupported, supported } = report
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const lines = Object.entries(unsupported).map(([type, count]) => [type, formatPlural(count, 'tensor'), 'not readable'])
  return [
    `${bold(printable(source))}\n`,
    section(
      bold('model'),
      tableLines([
        ['architecture', architecture],
        ['format', `${format}, ${formatPlural(files.length, 'file')}, ${formatBytes(bytes)}`],
      ]),
    ),
    section(bold('tensors'), [...typeLines(tensorTypes), ...tableLines(lines)]),
    `Hence cannot run this model: it reads ${supported.join(', ')}.\n`,
  ]
}
