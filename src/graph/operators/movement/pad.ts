import { elementCount } from '../../../core/index.ts'
import {
  checkShape,
  type GraphTensor,
  type Operator,
  type OperatorCall,
  optionalTensor,
  tensorInput,
  unsupportedVariant,
} from '../../operator.ts'
import {
  checkedCount,
  checkSameType,
  gatherByMaps,
  integersInput,
  normalizeAxes,
  optionalIntegers,
  outputTensor,
  tensorFromNumbers,
  windowMap,
} from '../support/index.ts'

/** Which index of what is left of an axis, of `size`, stands at a position before, on or after it. */
const BORDERS: Readonly<Record<string, (position: number, size: number) => number>> = {
  edge: (position, size) => Math.min(Math.max(position, 0), size - 1),
  reflect: (position, size) => {
    const period = Math.max(2 * (size - 1), 1)
    const at = ((position % period) + period) % period
    return at < size ? at : period - at
  },
  wrap: (position, size) => ((position % size) + size) % size,
}

interface Padding {
  readonly axes: readonly number[]
  readonly begins: readonly number[]
  readonly ends: readonly number[]
}

function paddingOf(call: OperatorCall, rank: number): Padding {
  const pads = call.version < 11 ? call.attributes.ints('pads') : integersInput(call, 1, 'pads')
  const given = optionalIntegers(call, 3, 'axes')
  const axes = given ? normalizeAxes(call, given, rank) : Array.from({ length: rank }, (_, axis) => axis)
  checkShape(pads.length === 2 * axes.length, call, `${pads.length} pads for ${axes.length} axes; each takes a begin and an end`, {
    pads,
    axes,
  })
  return { axes, begins: pads.slice(0, axes.length), ends: pads.slice(axes.length) }
}

/** What constant padding writes, of the input's type; `undefined` for zero. */
function fillOf(call: OperatorCall, input: GraphTensor): GraphTensor | undefined {
  if (call.version < 11) return tensorFromNumbers(call, input.dtype, [], new Float64Array([call.attributes.float('value', 0)]))
  const value = optionalTensor(call, 2)
  if (!value) return undefined
  checkSameType(call, input, value)
  checkShape(elementCount(value.shape) === 1, call, 'constant_value must be one value', { shape: value.shape })
  return value
}

const pad: Operator = {
  domain: '',
  name: 'Pad',
  run: call => {
    const input = tensorInput(call, 0)
    const { shape } = input
    const mode = call.attributes.string('mode', 'constant')
    const border = Object.hasOwn(BORDERS, mode) ? BORDERS[mode] : undefined
    if (!border && mode !== 'constant') throw unsupportedVariant(call, `mode "${mode}"`)
    const { axes, begins, ends } = paddingOf(call, shape.length)
    const padded = [...shape]
    for (const [at, axis] of axes.entries()) padded[axis] = shape[axis]! + begins[at]! + ends[at]!
    if (checkedCount(call, padded) === 0) return [outputTensor(call, input.dtype, padded)]
    const maps = shape.map((size, axis) => {
      const at = axes.indexOf(axis)
      const [begin, end] = at < 0 ? [0, 0] : [begins[at]!, ends[at]!]
      const length = padded[axis]!
      if (!border) return windowMap(-begin, length, size)
      // Negative pads first cut the axis; what is left of it is what the borders continue.
      const first = Math.max(-begin, 0)
      const left = size - first - Math.max(-end, 0)
      checkShape(left > 0, call, `axis ${axis} is empty and has no ${mode} to pad with`, { axis, mode })
      const map = new Int32Array(length)
      for (let position = 0; position < length; position++) map[position] = first + border(position - Math.max(begin, 0), left)
      return map
    })
    return [gatherByMaps(call, input, maps, border ? undefined : fillOf(call, input))]
  },
}

/** The middle of each axis, or the axis in the middle of zeros. */
const centerCropPad: Operator = {
  domain: '',
  name: 'CenterCropPad',
  run: call => {
    const input = tensorInput(call, 0)
    const { shape } = input
    const sizes = integersInput(call, 1, 'shape')
    const axes = normalizeAxes(call, call.attributes.ints('axes', [...shape.keys()]), shape.length)
    checkShape(sizes.length === axes.length, call, `${sizes.length} sizes for ${axes.length} axes`, { sizes, axes })
    const target = [...shape]
    for (const [at, axis] of axes.entries()) target[axis] = sizes[at]!
    if (checkedCount(call, target) === 0) return [outputTensor(call, input.dtype, target)]
    const maps = shape.map((size, axis) => {
      const length = target[axis]!
      const start = length <= size ? Math.floor((size - length) / 2) : -Math.floor((length - size) / 2)
      return windowMap(start, length, size)
    })
    return [gatherByMaps(call, input, maps)]
  },
}

/** Tensors with borders. */
export const pads: readonly Operator[] = [pad, centerCropPad]
