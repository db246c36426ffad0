import { HenceError } from '../../../core/index.ts'
import { checkShape, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import { checkedCount, isFloat, numbersOf, roundHalfEven, showShape, stridesOf, tensorFromNumbers, workNumbers } from '../support/index.ts'

type Mode = 'nearest' | 'linear' | 'cubic'
type Padding = 'zeros' | 'border' | 'reflection'

interface SampleRule {
  readonly mode: Mode
  readonly padding: Padding
  readonly alignCorners: boolean
}

const MODES: Readonly<Record<string, Mode>> = { nearest: 'nearest', linear: 'linear', bilinear: 'linear', cubic: 'cubic', bicubic: 'cubic' }
const PADDINGS: readonly string[] = ['zeros', 'border', 'reflection']

function readRule(call: OperatorCall): SampleRule {
  const name = call.attributes.string('mode', 'linear')
  const padding = call.attributes.string('padding_mode', 'zeros')
  const mode = MODES[name]
  if (!mode || !PADDINGS.includes(padding))
    throw new HenceError('GRAPH_INVALID', `${call.node}: mode ${name} with padding_mode ${padding}`, {
      node: call.node,
      mode: name,
      padding,
    })
  return { mode, padding: padding as Padding, alignCorners: call.attributes.int('align_corners', 0) !== 0 }
}

/** Elements of an image interpolated where a grid of normalized coordinates says. */
const gridSample: Operator = {
  domain: '',
  name: 'GridSample',
  run(call) {
    const [x, grid] = [tensorInput(call, 0), tensorInput(call, 1)]
    const rule = readRule(call)
    const rank = x.shape.length - 2
    const fits = rank >= 1 && rank <= 8 && grid.shape.length === rank + 2 && grid.shape[0] === x.shape[0] && grid.shape.at(-1) === rank
    checkShape(fits, call, `grid ${showShape(grid.shape)} does not fit ${showShape(x.shape)}`, { x: x.shape, grid: grid.shape })
    const [batch, channels] = [x.shape[0]!, x.shape[1]!]
    const sizes = x.shape.slice(2)
    const outer = grid.shape.slice(1, -1)
    const shape = [batch, channels, ...outer]
    const y = workNumbers(call, checkedCount(call, shape))
    const [values, coordinates] = [numbersOf(call, x), numbersOf(call, grid)]
    const points = outer.reduce((a, b) => a * b, 1)
    const plane = sizes.reduce((a, b) => a * b, 1)
    const sampler = new Sampler(sizes, rule, grid.dtype !== 'f64')
    for (let image = 0; image < batch; image++)
      for (let point = 0; point < points; point++) {
        sampler.place(coordinates, (image * points + point) * rank)
        for (let channel = 0; channel < channels; channel++) {
          const row = image * channels + channel
          y[row * points + point] = sampler.read(values, row * plane)
        }
      }
    if (!isFloat(x.dtype)) for (let index = 0; index < y.length; index++) y[index] = Math.trunc(y[index]!)
    return [tensorFromNumbers(call, x.dtype, shape, y)]
  },
}

/** The elements around one point and their weights, the same for every channel. */
class Sampler {
  readonly #sizes: readonly number[]
  readonly #rule: SampleRule
  readonly #strides: readonly number[]
  readonly #single: boolean
  readonly #taps: number
  /** Per axis, offset and weight of each tap; a weight of 0 for taps outside. */
  readonly #offsets: Float64Array
  readonly #weights: Float64Array
  readonly #indices: Int32Array
  readonly #products: Float64Array

  /** @param single - compute coordinates in single precision, which decides ties */
  constructor(sizes: readonly number[], rule: SampleRule, single: boolean) {
    this.#sizes = sizes
    this.#rule = rule
    this.#strides = stridesOf(sizes)
    this.#single = single
    this.#taps = rule.mode === 'nearest' ? 1 : rule.mode === 'linear' ? 2 : 4
    this.#offsets = new Float64Array(sizes.length * this.#taps)
    this.#weights = new Float64Array(sizes.length * this.#taps)
    this.#indices = new Int32Array(this.#taps ** sizes.length)
    this.#products = new Float64Array(this.#taps ** sizes.length)
  }

  /** Moves to the point whose coordinates, last axis first, start at `at`. */
  place(coordinates: Float64Array, at: number): void {
    const rank = this.#sizes.length
    for (let axis = 0; axis < rank; axis++) this.#placeAxis(axis, coordinates[at + rank - 1 - axis]!)
    for (let entry = 0; entry < this.#indices.length; entry++) {
      let index = 0
      let weight = 1
      for (let axis = 0, rest = entry; axis < rank; axis++) {
        const tap = axis * this.#taps + (rest % this.#taps)
        rest = Math.floor(rest / this.#taps)
        index += this.#offsets[tap]!
        weight *= this.#weights[tap]!
      }
      this.#indices[entry] = index
      this.#products[entry] = weight
    }
  }

  read(values: Float64Array, base: number): number {
    let sum = 0
    for (let entry = 0; entry < this.#indices.length; entry++) {
      const weight = this.#products[entry]!
      if (weight !== 0) sum += weight * values[base + this.#indices[entry]!]!
    }
    return sum
  }

  #placeAxis(axis: number, normalized: number): void {
    const { mode, padding, alignCorners } = this.#rule
    const size = this.#sizes[axis]!
    const round = this.#single ? Math.fround : (value: number): number => value
    const [least, greatest] = alignCorners ? [0, size - 1] : [-0.5, size - 0.5]
    let at = alignCorners ? round(round(round(normalized + 1) / 2) * (size - 1)) : round(round(round(normalized + 1) * size) - 1) / 2
    if (mode === 'nearest') at = roundHalfEven(at)
    if (!(at >= least && at <= greatest)) {
      if (padding === 'border') at = Math.min(Math.max(at, 0), size - 1)
      else if (padding === 'reflection') at = reflect(at, least, greatest)
    }
    const floor = Math.floor(at)
    const first = mode === 'cubic' ? floor - 1 : floor
    for (let tap = 0; tap < this.#taps; tap++) {
      const entry = axis * this.#taps + tap
      let index = first + tap
      let weight = mode === 'nearest' ? 1 : mode === 'linear' ? 1 - Math.abs(at - index) : cubicWeight(Math.abs(at - index))
      if (!(index >= 0 && index < size)) {
        if (padding === 'zeros') weight = 0
        else if (padding === 'border') index = Math.min(Math.max(index, 0), size - 1)
        else index = Math.trunc(reflect(index, least, greatest))
      }
      const usable = weight !== 0 && index >= 0 && index < size
      this.#offsets[entry] = usable ? index * this.#strides[axis]! : 0
      this.#weights[entry] = usable ? weight : 0
    }
  }
}

/** Mirrors a coordinate at the borders until it lies between them. */
function reflect(at: number, least: number, greatest: number): number {
  const range = greatest - least
  if (range <= 0) return least
  if (at >= least && at <= greatest) return at
  const distance = at < least ? least - at : at - greatest
  const turns = Math.floor(distance / range)
  const rest = distance - turns * range
  const fromLeast = at < least === (turns % 2 === 0)
  return fromLeast ? least + rest : greatest - rest
}

/** Weight of an element at a distance of up to 2. Source: R. Keys, Cubic convolution interpolation, 1981, with a = -0.75. */
function cubicWeight(distance: number): number {
  const a = -0.75
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1
  return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
}

export const gridSampleOperators: readonly Operator[] = [gridSample]
