import { checkShape, type Operator, tensorInput } from '../../operator.ts'
import { gatherStrided, integersInput, normalizeAxes, optionalIntegers, stridesOf } from '../support/index.ts'

/** Where a slice of an axis starts and how many elements it has; bounds beyond the axis are moved to its ends. */
export function sliceRange(start: number, end: number, step: number, size: number): { readonly first: number; readonly count: number } {
  const clamp = (index: number, least: number, greatest: number): number =>
    Math.min(Math.max(index < 0 ? index + size : index, least), greatest)
  const first = step > 0 ? clamp(start, 0, size) : clamp(start, 0, size - 1)
  const last = step > 0 ? clamp(end, 0, size) : clamp(end, -1, size - 1)
  return { first, count: size === 0 ? 0 : Math.max(0, Math.ceil((last - first) / step)) }
}

const slice: Operator = {
  domain: '',
  name: 'Slice',
  run: call => {
    const { attributes, version } = call
    const input = tensorInput(call, 0)
    const { shape } = input
    const starts = version < 10 ? attributes.ints('starts') : integersInput(call, 1, 'starts')
    const ends = version < 10 ? attributes.ints('ends') : integersInput(call, 2, 'ends')
    const inOrder = starts.map((_, at) => at)
    const given = version < 10 ? attributes.ints('axes', inOrder) : optionalIntegers(call, 3, 'axes')
    const axes = normalizeAxes(call, given ?? inOrder, shape.length)
    const steps = (version < 10 ? undefined : optionalIntegers(call, 4, 'steps')) ?? starts.map(() => 1)
    const counts = [starts, ends, axes, steps].map(list => list.length)
    checkShape(new Set(counts).size === 1, call, `${counts.join(', ')} starts, ends, axes and steps must be as many`, { counts })
    const sizes = [...shape]
    const strides = stridesOf(shape)
    let offset = 0
    for (const [at, axis] of axes.entries()) {
      const step = steps[at]!
      checkShape(step !== 0, call, `axis ${axis} has the step 0`, { axis })
      const { first, count } = sliceRange(starts[at]!, ends[at]!, step, shape[axis]!)
      offset += first * strides[axis]!
      sizes[axis] = count
      // A single element needs no stride, and huge steps have none that is exact.
      strides[axis] = count > 1 ? strides[axis]! * step : 0
    }
    return [gatherStrided(call, input, sizes, strides, offset)]
  },
}

/** Parts of tensors by bounds and steps. */
export const slices: readonly Operator[] = [slice]
