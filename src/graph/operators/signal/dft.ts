import { planFourierTransform } from '../../../core/index.ts'
import { checkShape, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import { checkedCount, integerInput, normalizeAxis, numbersOf, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** Longest transform: twiddles and work arrays take some hundred bytes per point. */
const MAX_LENGTH = 2 ** 24

/** The discrete Fourier transform along one axis of real or complex numbers (a last axis of 1 or 2). */
const dft: Operator = {
  domain: '',
  name: 'DFT',
  run(call) {
    const x = tensorInput(call, 0)
    const rank = x.shape.length
    const lanes = x.shape.at(-1) ?? 0
    checkShape(rank >= 2 && (lanes === 1 || lanes === 2), call, `input must end in an axis of 1 or 2, has the shape ${showShape(x.shape)}`)
    const axis = readAxis(call, rank)
    const inverse = call.attributes.int('inverse', 0) !== 0
    const onesided = call.attributes.int('onesided', 0) !== 0
    checkShape(!onesided || lanes === (inverse ? 2 : 1), call, `a one-sided transform of ${lanes === 1 ? 'real' : 'complex'} numbers`)
    const given = x.shape[axis]!
    const fallback = inverse && onesided ? 2 * (given - 1) : given
    const length = call.inputs[1] === undefined ? fallback : integerInput(call, 1, 'dft_length')
    checkShape(length >= 1 && length <= MAX_LENGTH, call, `a transform of ${length} points`, { length })
    const halved = Math.floor(length / 2) + 1
    const [outLength, outLanes] = !onesided ? [length, 2] : inverse ? [length, 1] : [halved, 2]
    const shape = x.shape.map((size, i) => (i === axis ? outLength : i === rank - 1 ? outLanes : size))
    const y = workNumbers(call, checkedCount(call, shape))
    const values = numbersOf(call, x)
    const outer = x.shape.slice(0, axis).reduce((a, b) => a * b, 1)
    const inner = x.shape.slice(axis + 1, -1).reduce((a, b) => a * b, 1)
    const [re, im] = [workNumbers(call, length), workNumbers(call, length)]
    const transform = planFourierTransform(length, inverse)
    const taken = Math.min(given, inverse && onesided ? halved : length)
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) {
        re.fill(0)
        im.fill(0)
        for (let n = 0; n < taken; n++) {
          const at = ((o * given + n) * inner + i) * lanes
          re[n] = values[at]!
          if (lanes === 2) im[n] = values[at + 1]!
        }
        if (inverse && onesided) mirror(re, im)
        transform(re, im)
        const scale = inverse ? 1 / length : 1
        for (let k = 0; k < outLength; k++) {
          const at = ((o * outLength + k) * inner + i) * outLanes
          y[at] = re[k]! * scale
          if (outLanes === 2) y[at + 1] = im[k]! * scale
        }
      }
    return [tensorFromNumbers(call, x.dtype, shape, y)]
  },
}

/** The axis, an attribute until version 20; the last one, which holds real and imaginary parts, is refused. */
function readAxis(call: OperatorCall, rank: number): number {
  const given = call.version < 20 ? call.attributes.int('axis', 1) : call.inputs[2] === undefined ? -2 : integerInput(call, 2, 'axis')
  const axis = normalizeAxis(call, given, rank)
  checkShape(axis !== rank - 1, call, `axis ${given} holds real and imaginary parts`, { axis: given })
  return axis
}

/** Completes the first half of a spectrum of real numbers by conjugate symmetry. */
function mirror(re: Float64Array, im: Float64Array): void {
  const length = re.length
  im[0] = 0
  if (length % 2 === 0) im[length / 2] = 0
  for (let k = 1; k < length - k; k++) {
    re[length - k] = re[k]!
    im[length - k] = -im[k]!
  }
}

/** Transforms of overlapping frames of a signal. */
const stft: Operator = {
  domain: '',
  name: 'STFT',
  run(call) {
    const signal = tensorInput(call, 0)
    const lanes = signal.shape.length === 2 ? 1 : (signal.shape[2] ?? 0)
    const fits = (signal.shape.length === 3 || signal.shape.length === 2) && (lanes === 1 || lanes === 2)
    checkShape(fits, call, `signal must be [batch, length, 1 or 2], is ${showShape(signal.shape)}`)
    const step = integerInput(call, 1, 'frame_step')
    const window = call.inputs[2] === undefined ? undefined : tensorInput(call, 2)
    const [batch, samples] = signal.shape as [number, number]
    const length = call.inputs[3] === undefined ? (window?.shape[0] ?? samples) : integerInput(call, 3, 'frame_length')
    const usable = step >= 1 && length >= 1 && length <= Math.min(samples, MAX_LENGTH)
    checkShape(usable, call, `frames of ${length} every ${step} do not fit ${samples} samples`, { step, length, samples })
    const weights = window && numbersOf(call, window)
    checkShape(!weights || weights.length === length, call, `window of ${weights?.length} for frames of ${length}`)
    const frames = Math.floor((samples - length) / step) + 1
    const bins = call.attributes.int('onesided', 1) !== 0 ? Math.floor(length / 2) + 1 : length
    const shape = [batch, frames, bins, 2]
    const y = workNumbers(call, checkedCount(call, shape))
    const values = numbersOf(call, signal)
    const [re, im] = [workNumbers(call, length), workNumbers(call, length)]
    const transform = planFourierTransform(length, false)
    for (let b = 0; b < batch; b++)
      for (let frame = 0; frame < frames; frame++) {
        for (let n = 0; n < length; n++) {
          const at = (b * samples + frame * step + n) * lanes
          const weight = weights ? weights[n]! : 1
          re[n] = values[at]! * weight
          im[n] = lanes === 2 ? values[at + 1]! * weight : 0
        }
        transform(re, im)
        const row = (b * frames + frame) * bins * 2
        for (let k = 0; k < bins; k++) {
          y[row + 2 * k] = re[k]!
          y[row + 2 * k + 1] = im[k]!
        }
      }
    return [tensorFromNumbers(call, signal.dtype, shape, y)]
  },
}

export const fourierOperators: readonly Operator[] = [dft, stft]
