import { checkShape, type Operator, tensorInput } from '../../operator.ts'
import { checkList } from '../convolution/index.ts'
import { numbersOf, showShape, tensorFromNumbers } from '../support/index.ts'
import { channelNumbers, standardizeRows } from './standardize.ts'

/** Scales and shifts each channel of a dense `batch × channels × …` by its entry. */
function scaleChannels(values: Float64Array, plane: number, scale: Float64Array, bias: Float64Array, perEntry: number): void {
  const channels = scale.length * perEntry
  for (let start = 0, channel = 0; start < values.length; start += plane, channel = (channel + 1) % channels) {
    const entry = Math.floor(channel / perEntry)
    const [factor, shift] = [scale[entry]!, bias[entry]!]
    for (let index = start; index < start + plane; index++) values[index] = values[index]! * factor + shift
  }
}

/** Normalizes each channel of each image by itself. */
const instanceNormalization: Operator = {
  domain: '',
  name: 'InstanceNormalization',
  run(call) {
    const x = tensorInput(call, 0)
    checkShape(x.shape.length >= 2, call, `input must have batch and channels, has the shape ${showShape(x.shape)}`)
    const channels = x.shape[1]!
    const plane = x.shape.slice(2).reduce((a, b) => a * b, 1)
    const values = numbersOf(call, x)
    const scale = channelNumbers(call, tensorInput(call, 1), channels, 'scale')
    const bias = channelNumbers(call, tensorInput(call, 2), channels, 'B')
    standardizeRows(call, values, plane, call.attributes.float('epsilon', 1e-5))
    if (plane > 0) scaleChannels(values, plane, scale, bias, 1)
    return [tensorFromNumbers(call, x.dtype, x.shape, values)]
  },
}

/** Normalizes groups of channels of each image; before version 21 scale and bias were one per group. */
const groupNormalization: Operator = {
  domain: '',
  name: 'GroupNormalization',
  run(call) {
    const x = tensorInput(call, 0)
    checkShape(x.shape.length >= 2, call, `input must have batch and channels, has the shape ${showShape(x.shape)}`)
    const channels = x.shape[1]!
    const groups = call.attributes.int('num_groups')
    checkList(call, 'num_groups', [groups], 1, 1)
    checkShape(channels % groups === 0, call, `${channels} channels do not split into ${groups} groups`, { channels, groups })
    const plane = x.shape.slice(2).reduce((a, b) => a * b, 1)
    const entries = call.version < 21 ? groups : channels
    const values = numbersOf(call, x)
    const scale = channelNumbers(call, tensorInput(call, 1), entries, 'scale')
    const bias = channelNumbers(call, tensorInput(call, 2), entries, 'bias')
    standardizeRows(call, values, (channels / groups) * plane, call.attributes.float('epsilon', 1e-5))
    if (plane > 0) scaleChannels(values, plane, scale, bias, channels / entries)
    return [tensorFromNumbers(call, x.dtype, x.shape, values)]
  },
}

export const groupNormalizationOperators: readonly Operator[] = [instanceNormalization, groupNormalization]
