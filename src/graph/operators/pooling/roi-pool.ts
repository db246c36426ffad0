import { checkShape, type Operator, tensorInput } from '../../operator.ts'
import { checkList } from '../convolution/index.ts'
import { checkedCount, numbersOf, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** The greatest element in each cell of a grid laid over each region, whose corners are rounded to whole elements. */
const maxRoiPool: Operator = {
  domain: '',
  name: 'MaxRoiPool',
  run(call) {
    const [x, rois] = [tensorInput(call, 0), tensorInput(call, 1)]
    checkShape(x.shape.length === 4, call, `input must have 4 axes, has the shape ${showShape(x.shape)}`)
    checkShape(rois.shape.length === 2 && rois.shape[1] === 5, call, `regions must be [count, 5], are ${showShape(rois.shape)}`)
    const [batch, channels, height, width] = x.shape as [number, number, number, number]
    const pooled = call.attributes.ints('pooled_shape')
    checkList(call, 'pooled_shape', pooled, 2, 1)
    const [rows, columns] = pooled as [number, number]
    const scale = call.attributes.float('spatial_scale', 1)
    const count = rois.shape[0]!
    const shape = [count, channels, rows, columns]
    const y = workNumbers(call, checkedCount(call, shape))
    const [values, regions] = [numbersOf(call, x), numbersOf(call, rois)]
    for (let roi = 0; roi < count; roi++) {
      const image = regions[roi * 5]!
      checkShape(Number.isInteger(image) && image >= 0 && image < batch, call, `region ${roi} names image ${image} of ${batch}`)
      const [left, top, right, bottom] = [1, 2, 3, 4].map(i => Math.round(regions[roi * 5 + i]! * scale)) as [
        number,
        number,
        number,
        number,
      ]
      const rowRanges = cells(top, bottom, rows, height)
      const columnRanges = cells(left, right, columns, width)
      for (let channel = 0; channel < channels; channel++) {
        const base = (image * channels + channel) * height * width
        let write = (roi * channels + channel) * rows * columns
        for (const [rowFrom, rowEnd] of rowRanges)
          for (const [columnFrom, columnEnd] of columnRanges) {
            let best = rowEnd <= rowFrom || columnEnd <= columnFrom ? 0 : Number.NEGATIVE_INFINITY
            for (let row = rowFrom; row < rowEnd; row++)
              for (let column = columnFrom; column < columnEnd; column++) best = Math.max(best, values[base + row * width + column]!)
            y[write++] = best
          }
      }
    }
    return [tensorFromNumbers(call, x.dtype, shape, y)]
  },
}

/** Splits the inclusive range from `first` to `last` into `count` overlapping cells, clipped to an axis. */
function cells(first: number, last: number, count: number, size: number): (readonly [from: number, end: number])[] {
  const extent = Math.max(last - first + 1, 1) / count
  const clip = (at: number): number => Math.min(Math.max(at + first, 0), size)
  return Array.from({ length: count }, (_, cell) => [clip(Math.floor(cell * extent)), clip(Math.ceil((cell + 1) * extent))] as const)
}

export const roiPoolOperators: readonly Operator[] = [maxRoiPool]
