import { checkShape, type Operator, tensorInput, unsupportedVariant } from '../../operator.ts'
import {
  checkedCount,
  integersInput,
  isWide,
  numbersOf,
  outputTensor,
  showShape,
  tensorFromNumbers,
  workNumbers,
} from '../support/index.ts'
import { tapTargets } from './scatter-windows.ts'
import { checkList, padsAttribute, spatialAttribute, type Windows } from './windows.ts'

/** Adds the columns of unfolded windows back into an image. */
const col2Im: Operator = {
  domain: '',
  name: 'Col2Im',
  run(call) {
    const columns = tensorInput(call, 0)
    const image = integersInput(call, 1, 'image_shape')
    const block = integersInput(call, 2, 'block_shape')
    const rank = image.length
    checkList(call, 'image_shape', image, rank, 1)
    checkList(call, 'block_shape', block, rank, 1)
    checkShape(columns.shape.length === 3, call, `input must have 3 axes, has the shape ${showShape(columns.shape)}`)
    const strides = spatialAttribute(call, 'strides', rank)
    const dilations = spatialAttribute(call, 'dilations', rank)
    const pads = padsAttribute(call, rank)
    const output = image.map((size, axis) => {
      const room = size + pads.padsBegin[axis]! + pads.padsEnd[axis]! - (block[axis]! - 1) * dilations[axis]! - 1
      return Math.floor(room / strides[axis]!) + 1
    })
    const windows: Windows = { input: image, kernel: block, strides, dilations, ...pads, output }
    const [batch, rows, count] = columns.shape as [number, number, number]
    const taps = block.reduce((a, b) => a * b, 1)
    const fits = rows % taps === 0 && output.every(size => size > 0) && output.reduce((a, b) => a * b, 1) === count
    checkShape(fits, call, `columns ${showShape(columns.shape)} do not fit ${showShape(output)} blocks of ${taps} elements`, {
      output,
      taps,
    })
    const channels = rows / taps
    const shape = [batch, channels, ...image]
    const plane = checkedCount(call, image)
    checkedCount(call, shape)
    if (columns.dtype === 'string' || columns.dtype === 'c64' || columns.dtype === 'c128')
      throw unsupportedVariant(call, `element type ${columns.dtype}`)
    let tap = 0
    if (isWide(columns)) {
      const y = outputTensor(call, columns.dtype, shape)
      const [read, write] = [columns.data as BigInt64Array, y.data as BigInt64Array]
      for (const targets of tapTargets(windows)) {
        for (let c = 0; c < batch * channels; c++)
          for (let index = 0; index < count; index++)
            if (targets[index]! >= 0) write[c * plane + targets[index]!]! += read[(c * taps + tap) * count + index]!
        tap++
      }
      return [y]
    }
    const values = numbersOf(call, columns)
    const y = workNumbers(call, batch * channels * plane)
    for (const targets of tapTargets(windows)) {
      for (let c = 0; c < batch * channels; c++)
        for (let index = 0; index < count; index++)
          if (targets[index]! >= 0) y[c * plane + targets[index]!]! += values[(c * taps + tap) * count + index]!
      tap++
    }
    return [tensorFromNumbers(call, columns.dtype, shape, y)]
  },
}

export const col2ImOperators: readonly Operator[] = [col2Im]
