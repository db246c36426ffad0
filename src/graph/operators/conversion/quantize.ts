import { type ElementType, f16ToF32 } from '../../../core/index.ts'
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
  decoderOf,
  elementTypeAttribute,
  f64ToBf16,
  f64ToF16,
  integerBits,
  integerRange,
  isFloat,
  normalizeAxis,
  numbersOf,
  roundHalfEven,
  sameShape,
  showShape,
  tensorFromNumbers,
  workNumbers,
} from '../support/index.ts'

/**
 * How a scale spreads over the elements it scales: element (lead, at, rest) of [outer, size, inner] has the scale at
 * lead · leadStep + ⌊at / block⌋ · blockStep + rest · restStep.
 */
interface Granularity {
  readonly outer: number
  readonly size: number
  readonly inner: number
  readonly block: number
  readonly leadStep: number
  readonly blockStep: number
  readonly restStep: number
}

/** One scale for all, one per index of an axis, or one per block of `block_size` along it. */
function granularityOf(call: OperatorCall, shape: readonly number[], scale: GraphTensor): Granularity {
  const product = (sizes: readonly number[]): number => sizes.reduce((count, size) => count * size, 1)
  const block = call.attributes.int('block_size', 0)
  checkShape(Number.isInteger(block) && block >= 0, call, `block_size ${block} is negative`, { block })
  if (product(scale.shape) === 1 && scale.shape.length <= 1 && block === 0)
    return { outer: 1, size: 1, inner: product(shape), block: 1, leadStep: 0, blockStep: 0, restStep: 0 }
  const rank = shape.length
  const axis = rank === 1 && !call.attributes.has('axis') ? 0 : normalizeAxis(call, call.attributes.int('axis', 1), rank)
  const size = shape[axis]!
  const spread = { outer: product(shape.slice(0, axis)), size, inner: product(shape.slice(axis + 1)) }
  const expected = block === 0 ? [size] : shape.map((length, at) => (at === axis ? Math.ceil(length / block) : length))
  const blocks = block === 0 ? 'one value per index' : `one value per block of ${block}`
  const message = `along axis ${axis} of ${showShape(shape)} the scale has ${blocks}: expected ${showShape(expected)}, got ${showShape(scale.shape)}`
  checkShape(sameShape(scale.shape, expected), call, message, { shape, scale: scale.shape, axis, block })
  if (block === 0) return { ...spread, block: 1, leadStep: 0, blockStep: 1, restStep: 0 }
  return { ...spread, block, leadStep: expected[axis]! * spread.inner, blockStep: spread.inner, restStep: 1 }
}

/** Calls `visit` with the position of every element and of its scale. */
function forEachScaled(
  call: OperatorCall,
  shape: readonly number[],
  scale: GraphTensor,
  visit: (element: number, scale: number) => void,
): void {
  const { outer, size, inner, block, leadStep, blockStep, restStep } = granularityOf(call, shape, scale)
  for (let lead = 0; lead < outer; lead++)
    for (let at = 0; at < size; at++) {
      const element = (lead * size + at) * inner
      const first = lead * leadStep + Math.floor(at / block) * blockStep
      for (let rest = 0; rest < inner; rest++) visit(element + rest, first + rest * restStep)
    }
}

/** Rounds a double to the values of a float type; other types keep it. */
function roundingOf(dtype: ElementType): (x: number) => number {
  if (dtype === 'f16') return x => f16ToF32(f64ToF16(x))
  const fromBf16 = decoderOf('bf16')!
  if (dtype === 'bf16') return x => fromBf16(f64ToBf16(x))
  return dtype === 'f64' || dtype === 'i32' ? x => x : Math.fround
}

/** The zero point, checked to go with the scale it belongs to; `undefined` for none. */
function zeroPointOf(call: OperatorCall, scale: GraphTensor): GraphTensor | undefined {
  const zero = optionalTensor(call, 2)
  if (!zero) return undefined
  const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)
  const fits = sameShape(zero.shape, scale.shape) || (count(zero.shape) === 1 && count(scale.shape) === 1)
  checkShape(fits, call, `scale ${showShape(scale.shape)} and zero point ${showShape(zero.shape)} differ in shape`, {
    scale: scale.shape,
    zeroPoint: zero.shape,
  })
  return zero
}

/** The element type an attribute names, where 0 stands for none. */
function optionalType(call: OperatorCall, name: string): ElementType | undefined {
  return call.attributes.int(name, 0) === 0 ? undefined : elementTypeAttribute(call, name)
}

const quantizeLinear: Operator = {
  domain: '',
  name: 'QuantizeLinear',
  run: call => {
    const [x, scale] = [tensorInput(call, 0), tensorInput(call, 1)]
    const zero = zeroPointOf(call, scale)
    const named = optionalType(call, 'output_dtype')
    const dtype = zero?.dtype ?? named ?? 'u8'
    if (named && named !== dtype) throw unsupportedVariant(call, `output_dtype ${named} with a zero point of type ${dtype}`)
    const isInteger = integerBits(dtype) > 0
    if (!isInteger && !isFloat(dtype)) throw unsupportedVariant(call, `quantizing to ${dtype}`)
    const round = roundingOf(optionalType(call, 'precision') ?? scale.dtype)
    const values = numbersOf(call, x)
    const scales = numbersOf(call, scale)
    const zeros = zero ? numbersOf(call, zero) : workNumbers(call, scales.length)
    const [least, greatest] = isInteger ? integerRange(dtype) : [0, 0]
    forEachScaled(call, x.shape, scale, (element, at) => {
      const quotient = round(values[element]! / scales[at]!)
      values[element] = isInteger ? Math.min(greatest, Math.max(least, roundHalfEven(quotient) + zeros[at]!)) : quotient + zeros[at]!
    })
    return [tensorFromNumbers(call, dtype, x.shape, values, { saturate: call.attributes.int('saturate', 1) !== 0 })]
  },
}

const dequantizeLinear: Operator = {
  domain: '',
  name: 'DequantizeLinear',
  run: call => {
    const [x, scale] = [tensorInput(call, 0), tensorInput(call, 1)]
    const zero = zeroPointOf(call, scale)
    if (zero && zero.dtype !== x.dtype) throw unsupportedVariant(call, `a zero point of type ${zero.dtype} for ${x.dtype}`)
    const dtype = optionalType(call, 'output_dtype') ?? (scale.dtype === 'f8e8m0' ? 'f32' : scale.dtype)
    const values = numbersOf(call, x)
    const scales = numbersOf(call, scale)
    const zeros = zero ? numbersOf(call, zero) : workNumbers(call, scales.length)
    forEachScaled(call, x.shape, scale, (element, at) => {
      values[element] = (values[element]! - zeros[at]!) * scales[at]!
    })
    return [tensorFromNumbers(call, dtype, x.shape, values)]
  },
}

const dynamicQuantizeLinear: Operator = {
  domain: '',
  name: 'DynamicQuantizeLinear',
  run: call => {
    const x = tensorInput(call, 0)
    if (x.dtype !== 'f32') throw unsupportedVariant(call, `element type ${x.dtype}`)
    const values = numbersOf(call, x)
    let least = 0
    let greatest = 0
    for (let index = 0; index < values.length; index++) {
      least = Math.min(least, values[index]!)
      greatest = Math.max(greatest, values[index]!)
    }
    // All zeros: any scale will do, and 1 divides.
    const scale = least === greatest ? 1 : Math.fround(Math.fround(greatest - least) / 255)
    const clamp = (value: number): number => Math.min(255, Math.max(0, value))
    const zero = clamp(roundHalfEven(Math.fround(-least / scale)))
    for (let index = 0; index < values.length; index++) values[index] = clamp(roundHalfEven(Math.fround(values[index]! / scale)) + zero)
    const scalar = (dtype: ElementType, value: number): GraphTensor => tensorFromNumbers(call, dtype, [], new Float64Array([value]))
    return [tensorFromNumbers(call, 'u8', x.shape, values), scalar('f32', scale), scalar('u8', zero)]
  },
}

/** Between floats and the small types they are stored in. */
export const quantization: readonly Operator[] = [quantizeLinear, dequantizeLinear, dynamicQuantizeLinear]
