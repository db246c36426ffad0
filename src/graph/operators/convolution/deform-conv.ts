import { checkShape, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { denseMatrix, multiplyAdd } from '../linear/index.ts'
import { numbersOf, sameShape, showShape, stridesOf, tensorFromNumbers, workNumbers } from '../support/index.ts'
import { addChannelBias, planConvolution } from './conv.ts'
import { advance } from './convolve.ts'
import { checkList, type Windows } from './windows.ts'

/** Convolutions whose taps are moved by learnt offsets and weighted by a mask. Source: arXiv 1703.06211, 1811.11168. */
const deformConv: Operator = {
  domain: '',
  name: 'DeformConv',
  run(call) {
    const [x, w, offset] = [tensorInput(call, 0), tensorInput(call, 1), tensorInput(call, 2)]
    const mask = optionalTensor(call, 4)
    const { windows, sizes, shape } = planConvolution(call, x.shape, w.shape)
    const { batch, group, inputChannels, outputChannels } = sizes
    const offsetGroups = call.attributes.int('offset_group', 1)
    checkList(call, 'offset_group', [offsetGroups], 1, 1)
    checkShape(inputChannels % offsetGroups === 0, call, `${inputChannels} channels do not split into ${offsetGroups} offset groups`)
    const rank = windows.input.length
    const taps = windows.kernel.reduce((a, b) => a * b, 1)
    const expected = [batch, offsetGroups * taps * rank, ...windows.output]
    checkShape(sameShape(offset.shape, expected), call, `offset must be ${showShape(expected)}, is ${showShape(offset.shape)}`)
    const maskShape = [batch, offsetGroups * taps, ...windows.output]
    checkShape(!mask || sameShape(mask.shape, maskShape), call, `mask must be ${showShape(maskShape)}, is ${showShape(mask?.shape ?? [])}`)
    const [values, weights, offsets] = [numbersOf(call, x), numbersOf(call, w), numbersOf(call, offset)]
    const masks = mask && numbersOf(call, mask)
    const positions = windows.output.reduce((a, b) => a * b, 1)
    const channels = inputChannels / group
    const y = workNumbers(call, batch * outputChannels * positions)
    const gathered = workNumbers(call, inputChannels * taps * positions)
    const filters = outputChannels / group
    for (let image = 0; image < batch; image++) {
      for (let o = 0; o < offsetGroups; o++)
        sampleTaps(call, gathered, values, offsets, masks, windows, { image, group: o, groups: offsetGroups, channels: inputChannels })
      for (let g = 0; g < group; g++) {
        const depth = channels * taps
        const target = denseMatrix(y, positions, (image * outputChannels + g * filters) * positions)
        multiplyAdd(
          target,
          denseMatrix(weights, depth, g * filters * depth),
          denseMatrix(gathered, positions, g * depth * positions),
          filters,
          depth,
          positions,
        )
      }
    }
    addChannelBias(call, y, shape, optionalTensor(call, 3))
    return [tensorFromNumbers(call, x.dtype, shape, y)]
  },
}

interface Share {
  readonly image: number
  readonly group: number
  readonly groups: number
  /** Of the whole input. */
  readonly channels: number
}

/** Interpolated elements under every tap of every window, for the channels of one offset group. */
function sampleTaps(
  call: OperatorCall,
  gathered: Float64Array,
  x: Float64Array,
  offsets: Float64Array,
  masks: Float64Array | undefined,
  windows: Windows,
  { image, group, groups, channels }: Share,
): void {
  const { input, kernel, strides, dilations, padsBegin, output } = windows
  const rank = input.length
  checkShape(rank <= 16, call, `${rank} spatial axes`)
  const inputStrides = stridesOf(input)
  const plane = input.reduce((a, b) => a * b, 1)
  const positions = output.reduce((a, b) => a * b, 1)
  const taps = kernel.reduce((a, b) => a * b, 1)
  const own = channels / groups
  const corners = 1 << rank
  const cornerIndex = new Int32Array(corners)
  const cornerWeight = new Float64Array(corners)
  const tap = new Array<number>(rank).fill(0)
  for (let t = 0; t < taps; t++) {
    const position = new Array<number>(rank).fill(0)
    for (let p = 0; p < positions; p++) {
      cornerIndex.fill(0)
      cornerWeight.fill(masks ? masks[((image * groups + group) * taps + t) * positions + p]! : 1)
      for (let axis = 0; axis < rank; axis++) {
        const moved = offsets[(((image * groups + group) * taps + t) * rank + axis) * positions + p]!
        const at = position[axis]! * strides[axis]! - padsBegin[axis]! + tap[axis]! * dilations[axis]! + moved
        const low = Math.floor(at)
        const fraction = at - low
        for (let corner = 0; corner < corners; corner++) {
          const high = (corner >> axis) & 1
          const index = low + high
          const weight = high ? fraction : 1 - fraction
          if (index >= 0 && index < input[axis]!) {
            cornerIndex[corner]! += index * inputStrides[axis]!
            cornerWeight[corner]! *= weight
          } else cornerWeight[corner] = 0
        }
      }
      for (let c = 0; c < own; c++) {
        const channel = group * own + c
        const base = (image * channels + channel) * plane
        let sum = 0
        for (let corner = 0; corner < corners; corner++)
          if (cornerWeight[corner] !== 0) sum += cornerWeight[corner]! * x[base + cornerIndex[corner]!]!
        gathered[(channel * taps + t) * positions + p] = sum
      }
      advance(position, output)
    }
    advance(tap, kernel)
  }
}

export const deformConvOperators: readonly Operator[] = [deformConv]
