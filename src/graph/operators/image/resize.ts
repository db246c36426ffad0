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
  gatherByMaps,
  integerBits,
  integerRange,
  integersOf,
  isWide,
  normalizeAxes,
  numbersOf,
  outputTensor,
  roundHalfEven,
  tensorFromNumbers,
  workNumbers,
} from '../support/index.ts'
import { cubicFilter, filterTaps, nearestPositions, type ResizedAxis, sourceCoordinates, type Taps, TRIANGLE } from './resampling.ts'

/** What a node asks for, whatever its version. */
export interface ResizeRequest {
  readonly axes: readonly number[]
  readonly scales?: readonly number[]
  readonly sizes?: readonly number[]
  readonly roi?: readonly number[]
  readonly mode: string
  readonly coordinates: string
  readonly nearest: string
}

/** A list operand that is left out or empty when another says the same. */
function listInput(call: OperatorCall, position: number): readonly number[] | undefined {
  const input = optionalTensor(call, position)
  return input && elementCount(input.shape) > 0 ? Array.from(numbersOf(call, input)) : undefined
}

/** Upsample, and Resize before version 11: scales alone, coordinates divided by them. */
export function plainRequest(call: OperatorCall, scales: readonly number[], rank: number): ResizeRequest {
  const mode = call.attributes.string('mode', 'nearest')
  return { axes: Array.from({ length: rank }, (_, axis) => axis), scales, mode, coordinates: 'asymmetric', nearest: 'simple' }
}

/** What a Resize asks for; its operands after the first must be known. */
export function requestOf(call: OperatorCall, rank: number): ResizeRequest {
  const { attributes } = call
  if (call.version < 11) return plainRequest(call, listInput(call, 1) ?? [], rank)
  const coordinates = attributes.string('coordinate_transformation_mode', 'half_pixel')
  const [roi, scales] = [listInput(call, 1), listInput(call, 2)]
  const sizesInput = optionalTensor(call, 3)
  const sizes = sizesInput && elementCount(sizesInput.shape) > 0 ? integersOf(call, sizesInput, 'sizes') : undefined
  return {
    axes: normalizeAxes(call, attributes.ints('axes', [...Array(rank).keys()]), rank),
    ...(scales && { scales }),
    ...(sizes && { sizes }),
    ...(roi && coordinates === 'tf_crop_and_resize' && { roi }),
    mode: attributes.string('mode', 'nearest'),
    coordinates,
    nearest: attributes.string('nearest_mode', 'round_prefer_floor'),
  }
}

/** Every axis of the input with what becomes of it. */
export function resizedAxes(call: OperatorCall, shape: readonly number[], request: ResizeRequest): ResizedAxis[] {
  const { axes, scales, sizes, roi } = request
  const count = axes.length
  checkShape((scales === undefined) !== (sizes === undefined), call, 'it needs either scales or sizes', {})
  checkShape((scales ?? sizes)!.length === count, call, `${(scales ?? sizes)!.length} scales or sizes for ${count} axes`, { axes })
  checkShape(!roi || roi.length === 2 * count, call, `${roi?.length} bounds of a region for ${count} axes`, { axes })
  const result: ResizedAxis[] = shape.map(size => ({ from: size, to: size, scale: 1, roi: [0, 1] }))
  const common = sizes && commonScale(call, shape, axes, sizes)
  for (const [at, axis] of axes.entries()) {
    const from = shape[axis]!
    const region: [number, number] = roi ? [roi[at]!, roi[count + at]!] : [0, 1]
    const scale = scales?.[at] ?? common ?? (from === 0 ? 1 : sizes![at]! / from)
    const to = scales
      ? Math.floor(from * (region[1] - region[0]) * scale)
      : common === undefined
        ? sizes![at]!
        : Math.floor(common * from + 0.5)
    const isPossible = Number.isFinite(scale) && (scale > 0 || to === 0) && to >= 0 && (from > 0 || to === 0)
    checkShape(isPossible, call, `axis ${axis} of size ${from} cannot become ${to} (scale ${scale})`, { axis, from, to, scale })
    result[axis] = { from, to, scale, roi: region }
  }
  return result
}

/** The one scale of all axes that keeps proportions; `undefined` where each has its own. */
function commonScale(call: OperatorCall, shape: readonly number[], axes: readonly number[], sizes: readonly number[]): number | undefined {
  const policy = call.attributes.string('keep_aspect_ratio_policy', 'stretch')
  const scales = axes.map((axis, at) => sizes[at]! / shape[axis]!)
  if (policy === 'not_larger') return Math.min(...scales)
  if (policy === 'not_smaller') return Math.max(...scales)
  if (policy !== 'stretch') throw unsupportedVariant(call, `keep_aspect_ratio_policy "${policy}"`)
  return undefined
}

function resized(call: OperatorCall, input: GraphTensor, request: ResizeRequest): GraphTensor {
  const axes = resizedAxes(call, input.shape, request)
  const shape = axes.map(axis => axis.to)
  if (checkedCount(call, shape) === 0) return outputTensor(call, input.dtype, shape)
  const coordinates = axes.map(axis => sourceCoordinates(call, request.coordinates, axis))
  const crops = request.coordinates === 'tf_crop_and_resize'
  // Only crops look beyond the input.
  const outside = coordinates.map((own, axis) => Array.from(own, x => crops && (x < 0 || x > axes[axis]!.from - 1)))
  if (request.mode === 'nearest') {
    const maps = axes.map((axis, at) => {
      const positions = nearestPositions(call, request.nearest, coordinates[at]!, axis)
      return positions.map((position, index) => (outside[at]![index] ? -1 : position))
    })
    const fill = crops && input.dtype !== 'string' ? extrapolation(call, input) : undefined
    return gatherByMaps(call, input, maps, fill)
  }
  const values = interpolate(call, input, request, axes, coordinates)
  if (outside.some(own => own.includes(true))) extrapolate(values, shape, outside, call.attributes.float('extrapolation_value', 0))
  if (integerBits(input.dtype) > 0 && !isWide(input)) {
    const [least, greatest] = integerRange(input.dtype)
    for (let index = 0; index < values.length; index++) values[index] = Math.min(greatest, Math.max(least, roundHalfEven(values[index]!)))
  } else if (isWide(input)) for (let index = 0; index < values.length; index++) values[index] = roundHalfEven(values[index]!)
  return tensorFromNumbers(call, input.dtype, shape, values)
}

function extrapolation(call: OperatorCall, input: GraphTensor): GraphTensor {
  return tensorFromNumbers(call, input.dtype, [], new Float64Array([call.attributes.float('extrapolation_value', 0)]))
}

/** Filters one axis after another. */
function interpolate(
  call: OperatorCall,
  input: GraphTensor,
  request: ResizeRequest,
  axes: readonly ResizedAxis[],
  coordinates: readonly Float64Array[],
): Float64Array<ArrayBuffer> {
  let values = numbersOf(call, input)
  const shape = [...input.shape]
  for (const [axis, own] of axes.entries()) {
    const taps = tapsOf(call, request, own, coordinates[axis]!)
    if (!taps) continue
    values = filterAxis(call, values, shape, axis, own.to, taps)
    shape[axis] = own.to
  }
  return values
}

/** The taps of an axis under a mode that filters; `undefined` where it stays as it is. */
export function tapsOf(call: OperatorCall, { mode }: ResizeRequest, axis: ResizedAxis, coordinates: Float64Array): Taps | undefined {
  const { attributes } = call
  if (mode !== 'linear' && mode !== 'bilinear' && mode !== 'cubic') throw unsupportedVariant(call, `mode "${mode}"`)
  const { from, to, scale } = axis
  if (coordinates.every((x, index) => x === index) && from === to) return undefined
  const filter = mode === 'cubic' ? cubicFilter(attributes.float('cubic_coeff_a', -0.75)) : TRIANGLE
  const stretch = attributes.int('antialias', 0) !== 0 ? Math.min(scale, 1) : 1
  return filterTaps(filter, coordinates, from, stretch, attributes.int('exclude_outside', 0) !== 0)
}

/** [outer, from, inner] → [outer, to, inner]. */
function filterAxis(
  call: OperatorCall,
  values: Float64Array,
  shape: readonly number[],
  axis: number,
  to: number,
  taps: Taps,
): Float64Array<ArrayBuffer> {
  const outer = elementCount(shape.slice(0, axis))
  const inner = elementCount(shape.slice(axis + 1))
  const from = shape[axis]!
  const output = workNumbers(call, checkedCount(call, [outer, to, inner]))
  for (let lead = 0; lead < outer; lead++)
    for (let index = 0; index < to; index++) {
      const write = (lead * to + index) * inner
      for (let tap = taps.starts[index]!; tap < taps.starts[index + 1]!; tap++) {
        const read = (lead * from + taps.positions[tap]!) * inner
        const weight = taps.weights[tap]!
        for (let rest = 0; rest < inner; rest++) output[write + rest]! += weight * values[read + rest]!
      }
    }
  return output
}

/** Writes one value wherever some axis looks beyond the input. */
function extrapolate(values: Float64Array, shape: readonly number[], outside: readonly (readonly boolean[])[], value: number): void {
  for (const [axis, own] of outside.entries()) {
    const inner = elementCount(shape.slice(axis + 1))
    const outer = elementCount(shape.slice(0, axis))
    for (const [index, isOutside] of own.entries()) {
      if (!isOutside) continue
      for (let lead = 0; lead < outer; lead++)
        values.fill(value, (lead * own.length + index) * inner, (lead * own.length + index + 1) * inner)
    }
  }
}

const resize: Operator = {
  domain: '',
  name: 'Resize',
  run: call => {
    const input = tensorInput(call, 0)
    return [resized(call, input, requestOf(call, input.shape.length))]
  },
}

const upsample: Operator = {
  domain: '',
  name: 'Upsample',
  run: call => {
    const input = tensorInput(call, 0)
    const scales = call.version < 9 ? call.attributes.floats('scales') : (listInput(call, 1) ?? [])
    return [resized(call, input, plainRequest(call, scales, input.shape.length))]
  },
}

/** Images made larger or smaller. */
export const resizes: readonly Operator[] = [resize, upsample]
