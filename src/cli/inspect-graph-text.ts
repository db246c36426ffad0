import type { ValueDescription } from '../core/index.ts'
import { formatBandwidth, formatBytes, formatCount, formatLargeCount, formatMs, formatOperations, formatPlural } from './format.ts'
import type { GraphReport } from './graph-report.ts'
import type { PlanReport } from './plan-report.ts'
import type { ProfileReport } from './profile-report.ts'
import { section, tableLines } from './table.ts'
import { printable } from './terminal.ts'

/** An ONNX model for people, in sections. */
export function graphSections(report: GraphReport, bold: (text: string) => string): string[] {
  const { source, inputs, outputs, operators, missing, metadata, tensors } = report
  const counted = Object.entries(operators).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  const lacking = Object.entries(missing)
  return [
    `${bold(printable(source))}\n`,
    section(bold('model'), modelLines(report)),
    section(bold('inputs'), valueLines(inputs)),
    section(bold('outputs'), valueLines(outputs)),
    section(
      bold('operators'),
      tableLines(
        counted.map(([name, count]) => [formatCount(count), name]),
        [0],
      ),
    ),
    ...(Object.keys(metadata).length > 0 ? [section(bold('metadata'), tableLines(Object.entries(metadata).map(shortEntry)))] : []),
    ...(tensors
      ? [
          section(
            bold('tensors by name'),
            tableLines(
              tensors.map(({ name, dtype, shape, bytes }) => [name, dtype, `[${shape.map(formatCount).join(' × ')}]`, formatBytes(bytes)]),
              [3],
            ),
          ),
        ]
      : []),
    ...(report.plan ? [section(bold('plan'), planLines(report.plan))] : []),
    ...(lacking.length > 0
      ? [
          section(
            bold('missing operators'),
            tableLines(
              lacking.map(([name, count]) => [formatCount(count), name]),
              [0],
            ),
          ),
          `Hence cannot run this model: it lacks ${formatPlural(lacking.length, 'operator')}.\n`,
        ]
      : []),
  ]
}

function shortEntry([name, value]: [string, string]): string[] {
  const line = value.replace(/\s+/g, ' ')
  return [name, line.length > 100 ? `${line.slice(0, 99)}…` : line]
}

function modelLines(report: GraphReport): string[] {
  const { producer, opsets, parameters, weightBytes, files, operators, precision } = report
  const nodes = Object.values(operators).reduce((sum, count) => sum + count, 0)
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const sets = Object.entries(opsets).map(([domain, version]) => `${domain === '' ? 'ai.onnx' : domain} ${version}`)
  const origin =
    sets.length > 0
      ? [
          ['producer', producer === '' ? 'not stated' : producer],
          ['operator sets', sets.join(', ')],
        ]
      : []
  return tableLines([
    ...origin,
    ['parameters', `${formatLargeCount(parameters)} (${formatCount(parameters)}), ${formatBytes(weightBytes)}`],
    ['nodes', formatCount(nodes)],
    ['format', `${report.format}, ${formatPlural(files.length, 'file')}, ${formatBytes(bytes)}`],
    ['precision', precision],
  ])
}

function valueLines(values: readonly ValueDescription[]): string[] {
  return tableLines(
    values.map(({ name, kind, dtype, shape }) => [
      name,
      kind === 'tensor' ? (dtype ?? 'not stated') : kind,
      shape ? `[${shape.map(size => size ?? '?').join(', ')}]` : '',
    ]),
  )
}

function planLines(plan: PlanReport): string[] {
  const shapes = Object.entries(plan.shapes).map(([name, shape]) => `${name} [${shape.join(', ')}]`)
  return tableLines([
    ['for', shapes.join(', ')],
    ['on', `${plan.backend}, ${formatPlural(plan.threads, 'thread')}`],
    ['nodes', `${formatCount(plan.nodes)} after rules, ${formatCount(plan.hostNodes)} of them run one by one in TypeScript`],
    [
      'programs',
      `${formatCount(plan.programs)} in ${formatPlural(plan.stages.length, 'stage')}, ${formatPlural(plan.instructions, 'instruction')}, ${(plan.nativeShare * 100).toFixed(1)} % native`,
    ],
    [
      'memory',
      `${formatBytes(plan.largestArenaBytes)} in the largest arena, ${formatBytes(plan.arenaBytes)} in all, weights ${formatBytes(plan.weightBytes)}`,
    ],
    ...speedLines(plan),
  ])
}

/** What the machine can do, and the time it takes at the least for all steps. */
export function speedLines({ speed, predictedMs }: Pick<PlanReport | ProfileReport, 'speed' | 'predictedMs'>): string[][] {
  if (!speed || predictedMs === null) return []
  return [
    ['machine', `${formatBandwidth(speed.bandwidth)}, ${formatOperations(speed.peak)}/s, measured now (${speed.target})`],
    ['predicted', `${formatMs(predictedMs)}: for each step the longer of its bytes and its arithmetic at these speeds`],
  ]
}

/** The graph of a plan and its steps: programs as they are printed, nodes between them as a line each. */
export function planText({ graph, stages }: PlanReport): string {
  const texts = stages.map(({ steps, constants }, i) => {
    const head = `stage ${i + 1}: ${formatPlural(steps.length, 'step')}, ${formatPlural(constants, 'value')} known beforehand\n`
    const texts = steps.map(step =>
      step.kind === 'program'
        ? `${step.program}  arena ${formatBytes(step.arenaBytes)}, ${step.nativeInstructions} of ${formatPlural(step.instructions, 'instruction')} native${step.predictedMs === undefined ? '' : `, predicted ${formatMs(step.predictedMs)}`}\n`
        : `host ${step.op} "${step.node}"(${step.inputs.join(', ')}) -> ${step.outputs.join(', ')}\n`,
    )
    return head + texts.join('')
  })
  return [graph, ...texts].join('\n')
}
