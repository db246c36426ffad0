import { checkShape, type Operator, tensorInput } from '../../operator.ts'
import { checkList } from '../convolution/index.ts'
import { numbersOf, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** Divides each element by a power of the squares of its neighbours in other channels. */
const lrn: Operator = {
  domain: '',
  name: 'LRN',
  run(call) {
    const x = tensorInput(call, 0)
    checkShape(x.shape.length >= 2, call, `input must have batch and channels, has the shape ${showShape(x.shape)}`)
    const size = call.attributes.int('size')
    checkList(call, 'size', [size], 1, 1)
    const [alpha, beta, bias] = [
      call.attributes.float('alpha', 1e-4),
      call.attributes.float('beta', 0.75),
      call.attributes.float('bias', 1),
    ]
    const [batch, channels] = [x.shape[0]!, x.shape[1]!]
    const plane = x.shape.slice(2).reduce((a, b) => a * b, 1)
    const values = numbersOf(call, x)
    const y = workNumbers(call, values.length)
    const sums = workNumbers(call, plane)
    for (let image = 0; image < batch; image++)
      for (let channel = 0; channel < channels; channel++) {
        const first = Math.max(0, channel - Math.floor((size - 1) / 2))
        const last = Math.min(channels - 1, channel + Math.ceil((size - 1) / 2))
        sums.fill(0)
        for (let other = first; other <= last; other++) {
          const base = (image * channels + other) * plane
          for (let index = 0; index < plane; index++) sums[index]! += values[base + index]! ** 2
        }
        const base = (image * channels + channel) * plane
        for (let index = 0; index < plane; index++) y[base + index] = values[base + index]! / (bias + (alpha / size) * sums[index]!) ** beta
      }
    return [tensorFromNumbers(call, x.dtype, x.shape, y)]
  },
}

export const lrnOperators: readonly Operator[] = [lrn]
