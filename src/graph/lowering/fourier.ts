import { elementCount } from '../../core/index.ts'
import { transposed } from '../../program/index.ts'
import { integerInput } from '../operators/support/index.ts'
import type { Lowering, LoweringContext } from './context.ts'
import { knownCall } from './known-call.ts'
import { isComputedInF32, toFloat32 } from './storage.ts'

/** Numbers of a transform's matrix up to which a product with it is worth while; longer ones are left to the definition. */
const LARGEST_MATRIX = 1 << 22

/** cos and sin of 2π·k/length for every k. */
function rootsOfUnity(length: number): { cos: Float64Array; sin: Float64Array } {
  const angles = Float64Array.from({ length }, (_, k) => (2 * Math.PI * k) / length)
  return { cos: angles.map(Math.cos), sin: angles.map(Math.sin) }
}

/** What a transform makes of `taken` elements of 1 or 2 numbers: `bins` elements of 1 or 2. */
interface Transform {
  readonly length: number
  readonly taken: number
  readonly bins: number
  readonly lanes: number
  readonly outLanes: number
  readonly inverse: boolean
  /** The input is the first half of a spectrum of real numbers. */
  readonly mirrored: boolean
  readonly window?: Float32Array | undefined
}

/** The matrix `[bins · outLanes, taken · lanes]` of a transform. */
function matrixOf({ length, taken, bins, lanes, outLanes, inverse, mirrored, window }: Transform): Float32Array {
  const { cos, sin } = rootsOfUnity(length)
  const matrix = new Float32Array(bins * outLanes * taken * lanes)
  for (let k = 0; k < bins; k++)
    for (let n = 0; n < taken; n++) {
      const at = (k * n) % length
      const isOwnMirror = n === 0 || 2 * n === length
      const factor = (window?.[n] ?? 1) * (inverse ? 1 / length : 1) * (mirrored && !isOwnMirror ? 2 : 1)
      const [c, s] = [factor * cos[at]!, factor * (inverse ? sin[at]! : -sin[at]!)]
      const to = (k * outLanes * taken + n) * lanes
      matrix[to] = c
      if (lanes === 2) matrix[to + 1] = mirrored && isOwnMirror ? 0 : -s
      if (outLanes === 1) continue
      matrix[to + taken * lanes] = s
      if (lanes === 2) matrix[to + taken * lanes + 1] = c
    }
  return matrix
}

function keyOf({ window: _, ...transform }: Transform): string {
  return JSON.stringify(transform)
}

/** Frames of a signal are what the windows of a convolution see, so one convolution makes all of their transforms. */
const stft: Lowering = context => {
  const signal = context.type(0)
  if (signal?.dtype !== 'f32' || elementCount(signal.shape) === 0 || signal.shape.length < 2 || signal.shape.length > 3) return false
  if ([1, 2, 3].some(position => context.has(position) && !context.known(position))) return false
  const call = knownCall(context)
  const [batch, samples, lanes = 1] = signal.shape as [number, number, number?]
  const step = integerInput(call, 1, 'frame_step')
  const given = context.has(2) ? context.known(2)! : undefined
  const length = context.has(3) ? integerInput(call, 3, 'frame_length') : (given?.shape[0] ?? samples)
  const bins = context.attributes.int('onesided', 1) !== 0 ? Math.floor(length / 2) + 1 : length
  if ((lanes !== 1 && lanes !== 2) || step < 1 || length < 1 || length > samples || 2 * bins * length * lanes > LARGEST_MATRIX) return false
  if (given && (!isComputedInF32(given.dtype) || elementCount(given.shape) !== length)) return false
  const window = given && toFloat32(given)
  const transform = { length, taken: length, bins, lanes, outLanes: 2, inverse: false, mirrored: false, window }
  const filters = context.madeWeight(
    `frames ${keyOf(transform)} in ${given ? context.key(2) : 'no'} window`,
    [2 * bins, 1, length, lanes],
    () => matrixOf(transform),
  )
  const { segment, node } = context
  const image = context.plainAs(0, [batch, 1, samples, lanes])
  const y = segment.emit('conv', node.name, [image, filters], { strides: [1, step] })
  const shape = [batch, Math.floor((samples - length) / step) + 1, bins, 2]
  return context.define(segment.builder.view(y, shape), shape)
}

/** Along any axis but the last, which holds real and imaginary parts: a product with the matrix of the transform. */
const dft: Lowering = context => {
  const type = context.type(0)
  if (type?.dtype !== 'f32' || elementCount(type.shape) === 0 || type.shape.length < 2) return false
  if ([1, 2].some(position => context.has(position) && !context.known(position))) return false
  const { shape } = type
  const rank = shape.length
  const transform = transformOf(context, shape)
  if (!transform) return false
  const { axis, bins, taken, lanes, outLanes } = transform
  if (bins * outLanes * taken * lanes > LARGEST_MATRIX) return false
  const { segment, node } = context
  // The axis moves before the last, and back afterwards.
  const order = [...shape.keys()].filter(i => i !== axis && i !== rank - 1).concat(axis, rank - 1)
  const plain = context.plain(0)
  const moved = axis === rank - 2 ? plain : segment.emit('copy', node.name, [plain], transposed(shape, order))
  const rows = elementCount(shape) / (shape[axis]! * lanes)
  const filters = context.madeWeight(`transform ${keyOf(transform)}`, [bins * outLanes, 1, taken, lanes], () => matrixOf(transform))
  // Numbers beyond those taken are never reached by the first position of a window.
  const image =
    moved.role === 'constant'
      ? context.plainAs(0, [rows, 1, shape[axis]!, lanes])
      : segment.builder.view(moved, [rows, 1, shape[axis]!, lanes])
  const y = segment.emit('conv', node.name, [image, filters], { strides: [1, shape[axis]!] })
  const result = shape.map((size, i) => (i === axis ? bins : i === rank - 1 ? outLanes : size))
  const inOrder = segment.builder.view(
    y,
    order.map(i => result[i]!),
  )
  if (axis === rank - 2) return context.define(inOrder, result)
  const back = result.map((_, i) => order.indexOf(i))
  return context.define(
    segment.emit(
      'copy',
      node.name,
      [inOrder],
      transposed(
        order.map(i => result[i]!),
        back,
      ),
    ),
    result,
  )
}

function transformOf(context: LoweringContext, shape: readonly number[]): (Transform & { readonly axis: number }) | undefined {
  const { attributes, node } = context
  const call = knownCall(context)
  const lanes = shape.at(-1)!
  const given = node.version < 20 ? attributes.int('axis', 1) : context.has(2) ? integerInput(call, 2, 'axis') : -2
  const axis = given < 0 ? given + shape.length : given
  const inverse = attributes.int('inverse', 0) !== 0
  const onesided = attributes.int('onesided', 0) !== 0
  if ((lanes !== 1 && lanes !== 2) || axis < 0 || axis >= shape.length - 1 || (onesided && lanes !== (inverse ? 2 : 1))) return undefined
  const size = shape[axis]!
  const mirrored = inverse && onesided
  const length = context.has(1) ? integerInput(call, 1, 'dft_length') : mirrored ? 2 * (size - 1) : size
  if (length < 1) return undefined
  const halved = Math.floor(length / 2) + 1
  return {
    axis,
    length,
    taken: Math.min(size, mirrored ? halved : length),
    bins: onesided && !inverse ? halved : length,
    lanes,
    outLanes: mirrored ? 1 : 2,
    inverse,
    mirrored,
  }
}

/** Fourier transforms by operator name. */
export const FOURIER: Readonly<Record<string, Lowering>> = { DFT: dft, STFT: stft }
