import { type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import { numbersOf, tensorFromNumbers, workNumbers } from '../support/index.ts'
import { channelNumbers } from './standardize.ts'

/** Normalizes channels by given statistics, or by those of this batch when training. */
const batchNormalization: Operator = {
  domain: '',
  name: 'BatchNormalization',
  run(call) {
    const x = tensorInput(call, 0)
    // Version 7 could normalize every feature on its own.
    const isSpatial = call.attributes.int('spatial', 1) !== 0
    const channelShape = x.shape.length < 2 ? [] : isSpatial ? [x.shape[1]!] : x.shape.slice(1)
    const channels = channelShape.reduce((a, b) => a * b, 1)
    const plane = isSpatial ? x.shape.slice(2).reduce((a, b) => a * b, 1) : 1
    const values = numbersOf(call, x)
    const parameter = (position: number, what: string): Float64Array<ArrayBuffer> =>
      channelNumbers(call, tensorInput(call, position), channels, what)
    const [scale, bias] = [parameter(1, 'scale'), parameter(2, 'B')]
    const [inputMean, inputVariance] = [parameter(3, 'mean'), parameter(4, 'var')]
    const epsilon = call.attributes.float('epsilon', 1e-5)
    const isTraining = call.version < 14 ? call.outputCount > 1 : call.attributes.int('training_mode', 0) !== 0
    if (!isTraining) {
      normalizeChannels(values, plane, inputMean, inputVariance, scale, bias, epsilon)
      return [tensorFromNumbers(call, x.dtype, x.shape, values)]
    }
    const { mean, variance } = channelMoments(call, values, channels, plane)
    const momentum = call.attributes.float('momentum', 0.9)
    const blend = (old: Float64Array, now: Float64Array): Float64Array<ArrayBuffer> =>
      Float64Array.from(old, (value, channel) => value * momentum + now[channel]! * (1 - momentum))
    normalizeChannels(values, plane, mean, variance, scale, bias, epsilon)
    const statistics = tensorInput(call, 3)
    const outputs = [blend(inputMean, mean), blend(inputVariance, variance)]
    // Before version 14 the statistics of this batch were outputs too.
    if (call.version < 14) outputs.push(mean, variance)
    return [
      tensorFromNumbers(call, x.dtype, x.shape, values),
      ...outputs.map(output => tensorFromNumbers(call, statistics.dtype, statistics.shape, output)),
    ]
  },
}

/** Mean and population variance of each channel of a dense `batch × channels × plane`. */
function channelMoments(
  call: OperatorCall,
  values: Float64Array,
  channels: number,
  plane: number,
): { mean: Float64Array<ArrayBuffer>; variance: Float64Array<ArrayBuffer> } {
  const [mean, variance] = [workNumbers(call, channels), workNumbers(call, channels)]
  const count = values.length / channels
  forEachPlane(values.length, plane, channels, (channel, start, end) => {
    for (let index = start; index < end; index++) mean[channel]! += values[index]! / count
  })
  forEachPlane(values.length, plane, channels, (channel, start, end) => {
    for (let index = start; index < end; index++) variance[channel]! += (values[index]! - mean[channel]!) ** 2 / count
  })
  return { mean, variance }
}

function normalizeChannels(
  values: Float64Array,
  plane: number,
  mean: Float64Array,
  variance: Float64Array,
  scale: Float64Array,
  bias: Float64Array,
  epsilon: number,
): void {
  forEachPlane(values.length, plane, mean.length, (channel, start, end) => {
    const factor = scale[channel]! / Math.sqrt(variance[channel]! + epsilon)
    for (let index = start; index < end; index++) values[index] = (values[index]! - mean[channel]!) * factor + bias[channel]!
  })
}

function forEachPlane(length: number, plane: number, channels: number, visit: (channel: number, start: number, end: number) => void): void {
  if (plane === 0) return
  for (let start = 0, channel = 0; start < length; start += plane, channel = (channel + 1) % channels) visit(channel, start, start + plane)
}

export const batchNormalizationOperators: readonly Operator[] = [batchNormalization]
