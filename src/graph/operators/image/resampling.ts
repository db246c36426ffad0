import { type OperatorCall, unsupportedVariant } from '../../operator.ts'

/** One axis of a resize. */
export interface ResizedAxis {
  /** Length of the input and of the output. */
  readonly from: number
  readonly to: number
  readonly scale: number
  /** Part of the input that is seen, normalised; 0 to 1 is all. */
  readonly roi: readonly [start: number, end: number]
}

/** Weights of input positions for every output position: those of output `i` are at `starts[i]` up to `starts[i + 1]`. */
export interface Taps {
  readonly starts: Float64Array
  readonly positions: readonly number[]
  readonly weights: readonly number[]
}

/**
 * Where each output position lies in the input. The length of the output enters as the product of scale and input, which may
 * have a fraction.
 *
 * Source: coordinate_transformation_mode of the ONNX operator Resize.
 */
export function sourceCoordinates(call: OperatorCall, mode: string, axis: ResizedAxis): Float64Array {
  const { from, to, scale, roi } = axis
  const length = scale * from
  const at = coordinateFunction(mode, from, to, scale, length, roi)
  if (!at) throw unsupportedVariant(call, `coordinate_transformation_mode "${mode}"`)
  return Float64Array.from({ length: to }, (_, index) => at(index))
}

function coordinateFunction(
  mode: string,
  from: number,
  to: number,
  scale: number,
  length: number,
  [start, end]: readonly [number, number],
): ((index: number) => number) | undefined {
  switch (mode) {
    case 'half_pixel':
      return x => (x + 0.5) / scale - 0.5
    case 'half_pixel_symmetric': {
      const offset = (from / 2) * (1 - to / length)
      return x => offset + (x + 0.5) / scale - 0.5
    }
    case 'pytorch_half_pixel':
      return length > 1 ? x => (x + 0.5) / scale - 0.5 : () => 0
    case 'align_corners':
      return length === 1 ? () => 0 : x => (x * (from - 1)) / (length - 1)
    case 'asymmetric':
      return x => x / scale
    case 'tf_crop_and_resize': {
      // Bounds are singles, and ties of the nearest position depend on their rounding.
      const first = Math.fround(start * (from - 1))
      const extent = Math.fround(end - start) * (from - 1)
      if (length === 1) return () => first + extent / 2
      return x => first + (x * extent) / (length - 1)
    }
    default:
      return undefined
  }
}

/**
 * The input position nearest to each coordinate, moved into the axis.
 *
 * @param mode - a nearest_mode; `simple`, from before there were modes, rounds up along axes that shrink and down along others
 */
export function nearestPositions(call: OperatorCall, mode: string, coordinates: Float64Array, { from, scale }: ResizedAxis): Int32Array {
  const round = mode === 'simple' ? (scale < 1 ? Math.ceil : Math.floor) : roundingFunction(mode)
  if (!round) throw unsupportedVariant(call, `nearest_mode "${mode}"`)
  return Int32Array.from(coordinates, x => Math.min(Math.max(round(x), 0), from - 1))
}

function roundingFunction(mode: string): ((x: number) => number) | undefined {
  switch (mode) {
    case 'round_prefer_floor':
      return x => Math.ceil(x - 0.5)
    case 'round_prefer_ceil':
      return x => Math.floor(x + 0.5)
    case 'floor':
      return Math.floor
    case 'ceil':
      return Math.ceil
    default:
      return undefined
  }
}

/** A resampling filter: the weight at a distance, zero from `radius` on. */
export interface Filter {
  readonly radius: number
  readonly weight: (distance: number) => number
}

/** Linear interpolation. */
export const TRIANGLE: Filter = { radius: 1, weight: distance => Math.max(0, 1 - Math.abs(distance)) }

/** Cubic convolution. Source: Keys, "Cubic convolution interpolation for digital image processing" (1981), equation 4. */
export function cubicFilter(a: number): Filter {
  return {
    radius: 2,
    weight: distance => {
      const x = Math.abs(distance)
      if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1
      return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
    },
  }
}

/**
 * Weights around each coordinate that add up to 1. Positions outside the axis count as its ends, or not at all.
 *
 * @param stretch - below 1 widens the filter, against aliasing
 */
export function filterTaps(filter: Filter, coordinates: Float64Array, from: number, stretch: number, excludesOutside: boolean): Taps {
  const starts = new Float64Array(coordinates.length + 1)
  const positions: number[] = []
  const weights: number[] = []
  const radius = filter.radius / stretch
  for (let index = 0; index < coordinates.length; index++) {
    const center = coordinates[index]!
    const begin = positions.length
    let total = 0
    for (let at = Math.floor(center - radius) + 1; at < center + radius; at++) {
      const isOutside = at < 0 || at >= from
      const weight = isOutside && excludesOutside ? 0 : filter.weight((at - center) * stretch)
      positions.push(Math.min(Math.max(at, 0), from - 1))
      weights.push(weight)
      total += weight
    }
    for (let tap = begin; tap < weights.length; tap++) weights[tap]! /= total
    starts[index + 1] = positions.length
  }
  return { starts, positions, weights }
}
