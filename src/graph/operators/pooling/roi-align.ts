import { HenceError } from '../../../core/index.ts'
import { checkShape, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import { checkedCount, indicesInto, numbersOf, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

interface RoiAlignPlan {
  readonly isMax: boolean
  readonly halfPixel: boolean
  readonly samplingRatio: number
  readonly spatialScale: number
  readonly rows: number
  readonly columns: number
}

/** Pools regions sampled at points between elements. Source: Mask R-CNN, arXiv 1703.06870. */
const roiAlign: Operator = {
  domain: '',
  name: 'RoiAlign',
  run(call) {
    const [x, rois] = [tensorInput(call, 0), tensorInput(call, 1)]
    checkShape(x.shape.length === 4, call, `input must have 4 axes, has the shape ${showShape(x.shape)}`)
    checkShape(rois.shape.length === 2 && rois.shape[1] === 4, call, `regions must be [count, 4], are ${showShape(rois.shape)}`)
    const [batch, channels, height, width] = x.shape as [number, number, number, number]
    const images = indicesInto(call, tensorInput(call, 2), batch, 'batch index')
    const count = rois.shape[0]!
    checkShape(images.length === count, call, `${images.length} batch indices for ${count} regions`)
    const plan = readPlan(call)
    const shape = [count, channels, plan.rows, plan.columns]
    const y = workNumbers(call, checkedCount(call, shape))
    const [values, regions] = [numbersOf(call, x), numbersOf(call, rois)]
    const cellCount = plan.rows * plan.columns
    for (let roi = 0; roi < count; roi++) {
      const { down, across } = samplePoints(call, regions.subarray(roi * 4, roi * 4 + 4), plan, height, width)
      for (let channel = 0; channel < channels; channel++) {
        const base = (images[roi]! * channels + channel) * height * width
        const write = (roi * channels + channel) * cellCount
        for (let cell = 0; cell < cellCount; cell++) {
          const row = Math.floor(cell / plan.columns)
          y[write + cell] = poolCell(values, base, width, down, row, across, cell - row * plan.columns, plan.isMax)
        }
      }
    }
    return [tensorFromNumbers(call, x.dtype, shape, y)]
  },
}

function readPlan(call: OperatorCall): RoiAlignPlan {
  const { attributes, version } = call
  const mode = attributes.string('mode', 'avg').toLowerCase()
  // Before version 16 coordinates were not shifted by half an element.
  const transformation = attributes
    .string('coordinate_transformation_mode', version < 16 ? 'output_half_pixel' : 'half_pixel')
    .toLowerCase()
  const plan: RoiAlignPlan = {
    isMax: mode === 'max',
    halfPixel: transformation === 'half_pixel',
    samplingRatio: attributes.int('sampling_ratio', 0),
    spatialScale: attributes.float('spatial_scale', 1),
    rows: attributes.int('output_height', 1),
    columns: attributes.int('output_width', 1),
  }
  const known = (mode === 'avg' || mode === 'max') && (plan.halfPixel || transformation === 'output_half_pixel')
  if (!known || plan.samplingRatio < 0 || plan.rows < 1 || plan.columns < 1)
    throw new HenceError(
      'GRAPH_INVALID',
      `${call.node}: mode ${mode}, ${transformation}, sampling_ratio ${plan.samplingRatio}, ${plan.rows}×${plan.columns}`,
      {
        node: call.node,
        ...plan,
      },
    )
  return plan
}

/** Sample points along one axis: the two elements around each and the weight of the second; weights are 0 outside. */
interface AxisPoints {
  readonly perCell: number
  readonly low: Int32Array
  readonly high: Int32Array
  readonly lowWeight: Float64Array
  readonly highWeight: Float64Array
}

function samplePoints(
  call: OperatorCall,
  region: Float64Array,
  plan: RoiAlignPlan,
  height: number,
  width: number,
): { down: AxisPoints; across: AxisPoints } {
  const shift = plan.halfPixel ? 0.5 : 0
  const at = (i: number): number => region[i]! * plan.spatialScale - shift
  return {
    down: axisPoints(call, at(1), at(3), plan.rows, height, plan),
    across: axisPoints(call, at(0), at(2), plan.columns, width, plan),
  }
}

function axisPoints(call: OperatorCall, start: number, end: number, cells: number, size: number, plan: RoiAlignPlan): AxisPoints {
  const extent = (plan.halfPixel ? end - start : Math.max(end - start, 1)) / cells
  const perCell = plan.samplingRatio > 0 ? plan.samplingRatio : Math.max(0, Math.ceil(extent))
  const count = checkedCount(call, [cells, perCell])
  const [low, high] = [new Int32Array(count), new Int32Array(count)]
  const [lowWeight, highWeight] = [workNumbers(call, count), workNumbers(call, count)]
  for (let index = 0; index < count; index++) {
    const cell = Math.floor(index / perCell)
    const point = start + cell * extent + ((index - cell * perCell + 0.5) * extent) / perCell
    if (!(point >= -1 && point <= size)) continue
    const inside = Math.max(point, 0)
    low[index] = Math.min(Math.floor(inside), size - 1)
    high[index] = Math.min(low[index]! + 1, size - 1)
    highWeight[index] = low[index]! >= size - 1 ? 0 : inside - low[index]!
    lowWeight[index] = 1 - highWeight[index]!
  }
  return { perCell, low, high, lowWeight, highWeight }
}

/** The mean of a cell's samples, or the greatest weighted neighbour of any. */
function poolCell(
  values: Float64Array,
  base: number,
  width: number,
  down: AxisPoints,
  row: number,
  across: AxisPoints,
  column: number,
  isMax: boolean,
): number {
  let sum = 0
  let best = Number.NEGATIVE_INFINITY
  for (let i = row * down.perCell; i < (row + 1) * down.perCell; i++)
    for (let j = column * across.perCell; j < (column + 1) * across.perCell; j++) {
      const [top, bottom] = [base + down.low[i]! * width, base + down.high[i]! * width]
      const a = down.lowWeight[i]! * across.lowWeight[j]! * values[top + across.low[j]!]!
      const b = down.lowWeight[i]! * across.highWeight[j]! * values[top + across.high[j]!]!
      const c = down.highWeight[i]! * across.lowWeight[j]! * values[bottom + across.low[j]!]!
      const d = down.highWeight[i]! * across.highWeight[j]! * values[bottom + across.high[j]!]!
      sum += a + b + c + d
      best = Math.max(best, a, b, c, d)
    }
  const count = down.perCell * across.perCell
  if (isMax) return count === 0 ? 0 : best
  return sum / Math.max(1, count)
}

export const roiAlignOperators: readonly Operator[] = [roiAlign]
