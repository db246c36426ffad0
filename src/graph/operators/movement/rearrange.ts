import { checkShape, type GraphTensor, type Operator, type OperatorCall, tensorInput, unsupportedVariant } from '../../operator.ts'
import { cellsOf, copyCells, gatherStrided, integersInput, outputTensor, showShape, stridesOf, withShape } from '../support/index.ts'

/** The input seen as `split`, with its axes in the order `order`, seen as `shape`. */
function rearranged(
  call: OperatorCall,
  input: GraphTensor,
  split: readonly number[],
  order: readonly number[],
  shape: readonly number[],
): GraphTensor {
  const strides = stridesOf(split)
  const moved = gatherStrided(
    call,
    input,
    order.map(axis => split[axis]!),
    order.map(axis => strides[axis]!),
  )
  return withShape(moved, shape)
}

interface Image {
  readonly input: GraphTensor
  readonly batch: number
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly block: number
  readonly mode: string
}

function imageOf(call: OperatorCall): Image {
  const input = tensorInput(call, 0)
  checkShape(input.shape.length === 4, call, `the input must be [batch, channels, height, width], is ${showShape(input.shape)}`, {
    shape: input.shape,
  })
  const block = call.attributes.int('blocksize')
  checkShape(block >= 1, call, `blocksize ${block} is not positive`, { block })
  const mode = call.attributes.string('mode', 'DCR')
  if (mode !== 'DCR' && mode !== 'CRD') throw unsupportedVariant(call, `mode "${mode}"`)
  const [batch, channels, height, width] = input.shape as [number, number, number, number]
  return { input, batch, channels, height, width, block, mode }
}

/** Groups of channels become blocks of pixels. */
const depthToSpace: Operator = {
  domain: '',
  name: 'DepthToSpace',
  run: call => {
    const { input, batch, channels, height, width, block, mode } = imageOf(call)
    const depth = channels / block ** 2
    checkShape(Number.isInteger(depth), call, `${channels} channels are no multiple of ${block}²`, { channels, block })
    const shape = [batch, depth, height * block, width * block]
    return mode === 'DCR'
      ? [rearranged(call, input, [batch, block, block, depth, height, width], [0, 3, 4, 1, 5, 2], shape)]
      : [rearranged(call, input, [batch, depth, block, block, height, width], [0, 1, 4, 2, 5, 3], shape)]
  },
}

/** Blocks of pixels become groups of channels. */
const spaceToDepth: Operator = {
  domain: '',
  name: 'SpaceToDepth',
  run: call => {
    const { input, batch, channels, height, width, block, mode } = imageOf(call)
    const fits = height % block === 0 && width % block === 0
    checkShape(fits, call, `${height} by ${width} pixels do not divide into blocks of ${block}`, { height, width, block })
    const [rows, columns] = [height / block, width / block]
    const split = [batch, channels, rows, block, columns, block]
    const order = mode === 'DCR' ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4]
    return [rearranged(call, input, split, order, [batch, channels * block ** 2, rows, columns])]
  },
}

/** The beginning of each sequence of a batch reversed. */
const reverseSequence: Operator = {
  domain: '',
  name: 'ReverseSequence',
  run: call => {
    const input = tensorInput(call, 0)
    const { shape } = input
    const time = call.attributes.int('time_axis', 0)
    const batch = call.attributes.int('batch_axis', 1)
    const fits = shape.length >= 2 && time + batch === 1 && time * batch === 0
    checkShape(fits, call, `time axis ${time} and batch axis ${batch} must be the first two of ${showShape(shape)}`, { time, batch, shape })
    const lengths = integersInput(call, 1, 'sequence_lens')
    const [steps, samples] = [shape[time]!, shape[batch]!]
    checkShape(lengths.length === samples, call, `${lengths.length} lengths for a batch of ${samples}`, { count: lengths.length, samples })
    for (const length of lengths)
      checkShape(length >= 0 && length <= steps, call, `sequence length ${length} is outside 0..${steps}`, { length, steps })
    const output = outputTensor(call, input.dtype, shape)
    const [from, to] = [cellsOf(input), cellsOf(output)]
    const strides = stridesOf(shape)
    const block = strides[1]! * from.lanes
    for (let sample = 0; sample < samples; sample++)
      for (let step = 0; step < steps; step++) {
        const length = lengths[sample]!
        const source = step < length ? length - 1 - step : step
        const offset = (at: number): number => (at * strides[time]! + sample * strides[batch]!) * from.lanes
        copyCells(from.data, offset(source), to.data, offset(step), block)
      }
    return [output]
  },
}

/** Elements moved by fixed patterns. */
export const rearrangements: readonly Operator[] = [depthToSpace, spaceToDepth, reverseSequence]
