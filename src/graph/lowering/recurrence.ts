import { type ElementType, elementCount } from '../../core/index.ts'
import {
  type Buffer,
  concatenated,
  RECURRENT_GATES,
  type RecurrentActivation,
  type RecurrentAttributes,
  type RecurrentKind,
  transposed,
} from '../../program/index.ts'
import type { Lowering, LoweringContext } from './context.ts'
import { toFloat32 } from './storage.ts'

/** Activations by their ONNX name in lower case: the name in programs and the default parameters. */
const ACTIVATIONS: Readonly<Record<string, readonly [RecurrentActivation['name'], ...number[]]>> = {
  relu: ['relu'],
  tanh: ['tanh'],
  sigmoid: ['sigmoid'],
  softsign: ['softsign'],
  softplus: ['softplus'],
  affine: ['affine', 1, 0],
  leakyrelu: ['leaky_relu', 0.01],
  thresholdedrelu: ['thresholded_relu', 1],
  scaledtanh: ['scaled_tanh', 1, 1],
  hardsigmoid: ['hard_sigmoid', 0.2, 0.5],
  elu: ['elu', 1],
}

const DIRECTIONS: Readonly<Record<string, readonly boolean[]>> = { forward: [false], reverse: [true], bidirectional: [false, true] }

/** Sizes of a layer; `reversed` by direction. */
interface Layer {
  readonly time: number
  readonly batch: number
  readonly inputs: number
  readonly hidden: number
  readonly gates: number
  readonly reversed: readonly boolean[]
  readonly batchFirst: boolean
}

/** Positions of operands all three operators have, and of the LSTM's own. */
const [X, W, R, B, LENGTHS, STATE, CELL, PEEPHOLES] = [0, 1, 2, 3, 4, 5, 6, 7] as const

function recurrence(kind: RecurrentKind, defaults: readonly string[]): Lowering {
  return context => {
    const layer = layerOf(context, kind)
    const functions = layer && activationsOf(context, layer.reversed.length, defaults)
    if (!functions) return false
    const { time, batch, inputs, hidden, gates, reversed } = layer
    const lengths = context.has(LENGTHS) ? context.rowIndices(LENGTHS, time + 1, 0) : undefined
    if (context.has(LENGTHS) && !lengths) return false
    const { segment, node, attributes } = context
    const clip = attributes.has('clip') ? attributes.float('clip') : 0
    const x = segment.builder.view(timeFirst(context, X, [time, batch, inputs], layer), [time * batch, inputs])
    const linearBeforeReset = kind === 'gru' && attributes.int('linear_before_reset', 0) !== 0
    const settings: Omit<RecurrentAttributes, 'activations' | 'reversed'> = {
      kind,
      ...(clip > 0 ? { clip } : {}),
      ...(linearBeforeReset ? { linearBeforeReset } : {}),
      ...(kind === 'lstm' && attributes.int('input_forget', 0) !== 0 ? { couplesInputForget: true } : {}),
    }
    const [states, cells] = [STATE, CELL].map(position => initialStates(context, position, layer))
    const results = reversed.map((isReversed, direction) => {
      const part = (position: number, shape: readonly number[]): Buffer => weightPart(context, position, direction, shape)
      const { bias, hiddenBias } = biases(context, direction, layer, linearBeforeReset)
      const gatesOfX = segment.emit('matmul', node.name, [x, undefined, undefined, part(W, [gates * hidden, inputs]), bias], {})
      const own = segment.builder.view(gatesOfX, [time, batch, gates * hidden])
      const peepholes = context.has(PEEPHOLES) ? constantPart(context, PEEPHOLES, direction, 3 * hidden) : undefined
      return segment.emitAll(
        'recurrent',
        node.name,
        [own, part(R, [gates * hidden, hidden]), hiddenBias, states?.[direction], cells?.[direction], peepholes, lengths],
        { ...settings, activations: functions.slice(direction * defaults.length, (direction + 1) * defaults.length), reversed: isReversed },
      )
    })
    defineStates(context, results, layer)
    return true
  }
}

/** The sizes, where the operands have them and programs can compute them. */
function layerOf(context: LoweringContext, kind: RecurrentKind): Layer | undefined {
  const gates = RECURRENT_GATES[kind]
  const [x, w, r] = [context.type(X), context.type(W), context.type(R)]
  const reversed = DIRECTIONS[context.attributes.string('direction', 'forward')]
  if (!x || !w || !r || !reversed || x.shape.length !== 3 || elementCount(x.shape) === 0) return undefined
  const floats = [X, W, R, B, STATE, CELL, PEEPHOLES].filter(position => context.has(position))
  if (floats.some(position => !isFloatTensor(context.type(position)?.dtype) || !context.isFloat(position))) return undefined
  if ([W, R, B, PEEPHOLES].some(position => context.has(position) && !context.known(position))) return undefined
  const batchFirst = context.attributes.int('layout', 0) === 1
  const [time, batch] = batchFirst ? [x.shape[1]!, x.shape[0]!] : [x.shape[0]!, x.shape[1]!]
  const [inputs, hidden, directions] = [x.shape[2]!, r.shape[2]!, reversed.length]
  if (hidden === 0 || context.attributes.int('hidden_size', hidden) !== hidden) return undefined
  const state = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
  const wanted: readonly [position: number, shape: readonly number[]][] = [
    [W, [directions, gates * hidden, inputs]],
    [R, [directions, gates * hidden, hidden]],
    [B, [directions, 2 * gates * hidden]],
    [LENGTHS, [batch]],
    [STATE, state],
    [CELL, state],
    [PEEPHOLES, [directions, 3 * hidden]],
  ]
  if (wanted.some(([position, shape]) => context.has(position) && context.type(position)?.shape.join() !== shape.join())) return undefined
  return { time, batch, inputs, hidden, gates, reversed, batchFirst }
}

function isFloatTensor(dtype: ElementType | undefined): boolean {
  return dtype !== undefined && dtype !== 'bool'
}

/** The activations of all directions; undefined where one is unknown or their number is wrong. */
function activationsOf(
  { attributes }: LoweringContext,
  directions: number,
  defaults: readonly string[],
): RecurrentActivation[] | undefined {
  const names = attributes.strings('activations', Array.from({ length: directions }, () => defaults).flat())
  const alphas = [...attributes.floats('activation_alpha', [])]
  const betas = [...attributes.floats('activation_beta', [])]
  if (names.length !== directions * defaults.length) return undefined
  const found: RecurrentActivation[] = []
  for (const text of names) {
    const known = ACTIVATIONS[text.toLowerCase()]
    if (!known) return undefined
    const [name, alpha, beta] = known
    found.push({
      name,
      ...(alpha === undefined ? {} : { alpha: alphas.shift() ?? alpha }),
      ...(beta === undefined ? {} : { beta: betas.shift() ?? beta }),
    })
  }
  return found
}

/** An operand of three axes in the order time (or direction), batch, features. */
function timeFirst(context: LoweringContext, position: number, [first, batch, width]: readonly number[], { batchFirst }: Layer): Buffer {
  const shape = [first!, batch!, width!]
  if (!batchFirst) return asShape(context, position, shape)
  if (first === 1 || batch === 1) return asShape(context, position, shape)
  return context.segment.emit('copy', context.node.name, [context.plain(position)], transposed([batch!, first!, width!], [1, 0, 2]))
}

/** The operand in a buffer that can be viewed. */
function asShape(context: LoweringContext, position: number, shape: readonly number[]): Buffer {
  const buffer = context.plainAs(position, shape)
  if (buffer.role !== 'constant') return buffer
  return context.segment.emit('copy', context.node.name, [buffer], transposed(shape, [0, 1, 2]))
}

/** Initial states by direction. */
function initialStates(context: LoweringContext, position: number, layer: Layer): Buffer[] | undefined {
  const { batch, hidden, reversed } = layer
  if (!context.has(position)) return undefined
  const all = timeFirst(context, position, [reversed.length, batch, hidden], layer)
  if (reversed.length === 1) return [context.segment.builder.view(all, [batch, hidden])]
  return reversed.map((_, direction) =>
    context.segment.emit('copy', context.node.name, [context.segment.builder.view(all, [reversed.length * batch, hidden])], {
      shape: [batch, hidden],
      parts: [
        {
          input: 0,
          shape: [batch, hidden],
          inputOffset: direction * batch * hidden,
          inputStrides: [hidden, 1],
          outputStrides: [hidden, 1],
        },
      ],
    }),
  )
}

function directionNumbers(context: LoweringContext, position: number, direction: number, count: number): Float32Array {
  return toFloat32(context.known(position)!).slice(direction * count, (direction + 1) * count)
}

function weightPart(context: LoweringContext, position: number, direction: number, shape: readonly number[]): Buffer {
  if (context.known(position)!.shape[0] === 1) return context.weight(position, shape)
  const key = `${context.key(position)} direction ${direction}`
  return context.madeWeight(key, shape, () => directionNumbers(context, position, direction, elementCount(shape)))
}

function constantPart(context: LoweringContext, position: number, direction: number, count: number): Buffer {
  const data = directionNumbers(context, position, direction, count)
  return context.segment.constant(`${context.key(position)} direction ${direction}`, { dtype: 'f32', shape: [count], data }, 'f32')
}

/** What is added to the gates of every step, and what a gru's reset gate scales. */
function biases(context: LoweringContext, direction: number, { gates, hidden }: Layer, linearBeforeReset: boolean) {
  if (!context.has(B)) return { bias: undefined, hiddenBias: undefined }
  const width = gates * hidden
  const all = directionNumbers(context, B, direction, 2 * width)
  const hiddenStart = linearBeforeReset ? 2 * hidden : width
  const data = Float32Array.from({ length: width }, (_, i) => all[i]! + (i < hiddenStart ? all[width + i]! : 0))
  const constant = (name: string, numbers: Float32Array): Buffer =>
    context.segment.constant(
      `${context.key(B)} ${name} ${direction} ${linearBeforeReset}`,
      { dtype: 'f32', shape: [numbers.length], data: numbers },
      'f32',
    )
  const hiddenBias = linearBeforeReset ? constant('of the state', all.slice(width + 2 * hidden)) : undefined
  return { bias: constant('sum', data), hiddenBias }
}

/** Y `[T, D, B, H]` and the last states `[D, B, H]`, or with the batch first. */
function defineStates(context: LoweringContext, results: readonly (readonly Buffer[])[], layer: Layer): void {
  const { time, batch, hidden, batchFirst } = layer
  const { segment, node } = context
  const directions = results.length
  for (const [output, name] of node.outputs.entries()) {
    if (name === '') continue
    const own = results.map(buffers => buffers[output]!)
    const steps = output === 0 ? time : 1
    const shaped = own.map(buffer => segment.builder.view(buffer, [steps, 1, batch, hidden]))
    const joined =
      directions === 1
        ? shaped[0]!
        : segment.emit('copy', node.name, shaped, concatenated([shaped[0]!.shape as number[], shaped[0]!.shape as number[]], 1))
    const shape = [steps, directions, batch, hidden]
    const isMoved = batchFirst && batch > 1 && steps * directions > 1
    const placed = isMoved ? segment.emit('copy', node.name, [joined], transposed(shape, [2, 0, 1, 3])) : joined
    const wanted = batchFirst ? [batch, steps, directions, hidden] : shape
    const result = output === 0 ? wanted : wanted.filter((_, axis) => axis !== (batchFirst ? 1 : 0))
    context.define(segment.builder.view(placed, result), result, 'plain', output)
  }
}

/** Recurrent layers by operator name. */
export const RECURRENCE: Readonly<Record<string, Lowering>> = {
  LSTM: recurrence('lstm', ['sigmoid', 'tanh', 'tanh']),
  GRU: recurrence('gru', ['sigmoid', 'tanh']),
  RNN: recurrence('rnn', ['tanh']),
}
