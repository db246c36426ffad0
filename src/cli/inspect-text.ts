import type { ModelDescription } from '../core/index.ts'
import { type KvType, kvHeadBytes } from '../program/index.ts'
import { formatBandwidth, formatBytes, formatCount, formatLargeCount, formatNumber, formatOperations, formatPlural } from './format.ts'
import { PREFILL_EFFICIENCY, PREFILL_TOKENS, type SpeedPrediction } from './predict-speed.ts'
import type { ProgramCosts } from './program-costs.ts'
import { section, tableLines } from './table.ts'
import { printable } from './terminal.ts'

/** Everything `hence inspect` finds out. */
export interface Inspection {
  readonly description: ModelDescription
  readonly costs: ProgramCosts
  /** null without the native backend or when measuring was not wanted. */
  readonly speed: SpeedPrediction | null
}

/** The inspection for people, in sections. */
export function inspectionSections({ description, costs, speed }: Inspection, bold: (text: string) => string): string[] {
  return [
    `${bold(printable(description.source))}\n`,
    section(bold('model'), modelLines(description)),
    section(bold('tensors'), typeLines(description.tensorTypes)),
    section(bold('memory'), memoryLines(description, costs)),
    ...(speed ? [section(bold('speed, predicted'), speedLines(description, costs, speed))] : []),
  ]
}

function modelLines(model: ModelDescription): string[] {
  const { architecture, layers, hidden, attentionLayers = layers, heads, kvHeads, headDim, mlpWidth, experts, vocabulary, files } = model
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return tableLines([
    ['architecture', architecture],
    ['parameters', `${formatLargeCount(model.parameters)} (${formatCount(model.parameters)})`],
    [
      'shape',
      `${formatPlural(layers, 'layer')}, width ${formatCount(hidden)}, ${mlpWidth > 0 ? `MLP ${formatCount(mlpWidth)}, ` : ''}vocabulary ${formatCount(vocabulary)}`,
    ],
    ...(experts
      ? [
          [
            'experts',
            `${experts.perToken} of ${experts.count} of width ${formatCount(experts.width)} for each token${experts.layers < layers ? `, in ${formatPlural(experts.layers, 'layer')}` : ''}`,
          ],
        ]
      : []),
    [
      'attention',
      attentionLayers === 0
        ? 'none: a state of fixed size'
        : `${formatPlural(heads, 'head')} of ${headDim}, ${formatPlural(kvHeads, 'KV head')}${attentionLayers < layers ? `, in ${formatPlural(attentionLayers, 'layer')}` : ''}`,
    ],
    ['context', `${formatCount(model.modelContext)} tokens`],
    ['format', `${model.format}, ${formatPlural(files.length, 'file')}, ${formatBytes(bytes)}`],
    ['tokenizer', model.hasTokenizer ? 'yes' : 'no: give one with --tokenizer'],
    ['chat template', model.hasChatTemplate ? 'yes' : 'no: it continues text, it does not chat'],
    ['precision', model.precision],
  ])
}

/** A table of storage types. */
export function typeLines(types: ModelDescription['tensorTypes']): string[] {
  const entries = Object.entries(types).sort(([, a], [, b]) => b.bytes - a.bytes)
  const total = entries.reduce((sum, [, { bytes }]) => sum + bytes, 0)
  const rows = entries.map(([type, { tensors, elements, bytes }]) => [
    type,
    formatPlural(tensors, 'tensor'),
    `${formatLargeCount(elements)} numbers`,
    formatBytes(bytes),
    `${formatNumber((bytes * 8) / elements)} bits each`,
    `${((bytes / total) * 100).toFixed(1)} %`,
  ])
  return tableLines(rows, [1, 2, 3, 4, 5])
}

function memoryLines(model: ModelDescription, { weightBytes }: ProgramCosts): string[] {
  const { memory, context, attentionLayers: layers = model.layers, kvHeads, headDim } = model
  const { kvType, kvBytesPerToken, largestContext, availableBytes, states } = memory
  const headBytes = kvHeadBytes(kvType as KvType, headDim)
  // Layers may differ in heads; then the product of the first would be wrong.
  const isUniform = 2 * layers * kvHeads * headBytes === kvBytesPerToken
  const head = (width: string): string => (kvType === 'i8' ? `(${width} + 4) B` : `${width} × ${headBytes / headDim} B`)
  const formula = isUniform
    ? `2 × ${formatPlural(layers, 'layer')} × ${formatPlural(kvHeads, 'KV head')} × ${head(String(headDim))} (${kvType})`
    : `2 × KV heads × ${head('width')} (${kvType}), summed over layers`
  const isWhole = largestContext >= model.modelContext
  const stored = Object.values(model.tensorTypes).reduce((sum, { bytes }) => sum + bytes, 0)
  return tableLines([
    ['weights', `${formatBytes(weightBytes)} packed, ${formatBytes(stored)} in the file`],
    ['one step', formatBytes(memory.arenaBytes)],
    ...(kvBytesPerToken > 0
      ? [
          ['keys and values', `${formula} = ${formatCount(kvBytesPerToken)} B per token`],
          ['', `context ${formatCount(context)} → ${formatBytes(context * kvBytesPerToken)}`],
        ]
      : []),
    ...(states
      ? [
          [
            'states',
            `${formatBytes(states.bytesPerSequence)} per sequence × ${formatCount(states.sequences)} → ${formatBytes(states.bytes)}`,
          ],
        ]
      : []),
    ['available', formatBytes(availableBytes)],
    ['largest context', `${formatCount(largestContext)} tokens${isWhole ? ', all the model was made for' : ', as much as memory allows'}`],
  ])
}

function speedLines({ context }: ModelDescription, { bytesPerToken }: ProgramCosts, speed: SpeedPrediction): string[] {
  const { bandwidth, peak, prefillOperationsPerToken } = speed
  const atFull = `${formatNumber(speed.decodeAtFullContext)} at the end of a context of ${formatCount(context)}`
  const share = `${PREFILL_EFFICIENCY * 100} %`
  return tableLines([
    ['measured', `${formatBandwidth(bandwidth)}, ${formatOperations(peak)}/s (${speed.target}, ${formatPlural(speed.threads, 'thread')})`],
    [
      'decode',
      `at most ${formatNumber(speed.decode)} tokens/s = ${formatBandwidth(bandwidth)} ÷ ${formatBytes(bytesPerToken)} per token; ${atFull}`,
    ],
    [
      'prefill',
      `about ${formatNumber(speed.prefill)} tokens/s = ${share} of ${formatOperations(peak)}/s ÷ ${formatOperations(prefillOperationsPerToken)} per token`,
    ],
    [
      '',
      `(${share} of the peak is an assumption, for a prompt of ${PREFILL_TOKENS} tokens; steps of tiny models cost more than their arithmetic)`,
    ],
  ])
}
