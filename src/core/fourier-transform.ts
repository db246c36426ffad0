import { type Complex, runStage, type Stage } from './fourier-stages.ts'

/** A complex transform of a fixed length, in place: re and im become Σ x[n]·e^(∓2πi·kn/N), without scaling. */
export type FourierTransform = (re: Float64Array, im: Float64Array) => void

/** Lengths up to this are summed directly, unless a power of two. */
const DIRECT_LENGTH = 32
/** Lengths whose prime factors are at most this are taken apart into them. */
const LARGEST_FACTOR = 7

/** The transform of `length` points; the forward one has a negative exponent. */
export function planFourierTransform(length: number, inverse: boolean): FourierTransform {
  if (length <= 1) return () => undefined
  if ((length & (length - 1)) === 0) return powerOfTwo(length, inverse)
  if (length <= DIRECT_LENGTH) return direct(length, inverse)
  const factors = factorsOf(length)
  return factors.at(-1)! <= LARGEST_FACTOR ? mixed(length, factors, inverse) : chirp(length, inverse)
}

/** Fours, then primes, in ascending order of their values but for the fours in front. */
function factorsOf(length: number): number[] {
  const factors: number[] = []
  let rest = length
  for (; rest % 4 === 0; rest /= 4) factors.push(4)
  for (let prime = 2; rest > 1; prime++) for (; rest % prime === 0; rest /= prime) factors.push(prime)
  return factors
}

/** A product of small factors: a stage for each. */
function mixed(length: number, factors: readonly number[], inverse: boolean): FourierTransform {
  const { cos, sin } = rootsOfUnity(length, inverse)
  let span = length
  const stages = factors.map((radix): Stage => {
    const count = span / radix
    const root = (i: number): number => (Math.floor(i / radix) * (i % radix) * (length / span)) % length
    const turns = {
      re: Float64Array.from({ length: span }, (_, i) => cos[root(i)]!),
      im: Float64Array.from({ length: span }, (_, i) => sin[root(i)]!),
    }
    const stage = { radix, count, stride: length / span, turns, sign: inverse ? 1 : -1 }
    span = count
    return stage
  })
  const other: Complex = { re: new Float64Array(length), im: new Float64Array(length) }
  return (re, im) => {
    const given: Complex = { re, im }
    for (const [i, stage] of stages.entries()) runStage(stage, i % 2 === 0 ? given : other, i % 2 === 0 ? other : given)
    if (stages.length % 2 === 0) return
    re.set(other.re)
    im.set(other.im)
  }
}

interface Roots {
  readonly cos: Float64Array
  readonly sin: Float64Array
}

/** e^(sign·2πi·k/length) for every k. */
function rootsOfUnity(length: number, inverse: boolean, count = length): Roots {
  const sign = inverse ? 1 : -1
  return {
    cos: Float64Array.from({ length: count }, (_, k) => Math.cos((2 * Math.PI * k) / length)),
    sin: Float64Array.from({ length: count }, (_, k) => sign * Math.sin((2 * Math.PI * k) / length)),
  }
}

function direct(length: number, inverse: boolean): FourierTransform {
  const { cos, sin } = rootsOfUnity(length, inverse)
  const [outRe, outIm] = [new Float64Array(length), new Float64Array(length)]
  return (re, im) => {
    for (let k = 0; k < length; k++) {
      let [sumRe, sumIm] = [0, 0]
      for (let n = 0, at = 0; n < length; n++, at = (at + k) % length) {
        sumRe += re[n]! * cos[at]! - im[n]! * sin[at]!
        sumIm += re[n]! * sin[at]! + im[n]! * cos[at]!
      }
      outRe[k] = sumRe
      outIm[k] = sumIm
    }
    re.set(outRe)
    im.set(outIm)
  }
}

/** Decimation in time: bit reversal, then butterflies of growing span. */
function powerOfTwo(length: number, inverse: boolean): FourierTransform {
  const { cos, sin } = rootsOfUnity(length, inverse, length / 2)
  const order = new Uint32Array(length)
  for (let index = 1; index < length; index++) order[index] = (order[index >> 1]! >> 1) | (index & 1 ? length >> 1 : 0)
  return (re, im) => {
    for (let index = 0; index < length; index++) {
      const other = order[index]!
      if (other <= index) continue
      ;[re[index], re[other]] = [re[other]!, re[index]!]
      ;[im[index], im[other]] = [im[other]!, im[index]!]
    }
    for (let half = 1; half < length; half *= 2) {
      const step = length / (2 * half)
      for (let start = 0; start < length; start += 2 * half)
        for (let k = 0, low = start; k < half; k++, low++) {
          const high = low + half
          const [c, s] = [cos[k * step]!, sin[k * step]!]
          const moveRe = re[high]! * c - im[high]! * s
          const moveIm = re[high]! * s + im[high]! * c
          re[high] = re[low]! - moveRe
          im[high] = im[low]! - moveIm
          re[low]! += moveRe
          im[low]! += moveIm
        }
    }
  }
}

/** Any length as a convolution of power-of-two length. Source: L. Bluestein, 1970. */
function chirp(length: number, inverse: boolean): FourierTransform {
  const size = 2 ** Math.ceil(Math.log2(2 * length - 1))
  const [forward, backward] = [powerOfTwo(size, false), powerOfTwo(size, true)]
  // n² is taken modulo 2·length before it becomes an angle.
  const { cos, sin } = rootsOfUnity(2 * length, inverse)
  const squares = Float64Array.from({ length }, (_, n) => (n * n) % (2 * length))
  const [kernelRe, kernelIm] = [new Float64Array(size), new Float64Array(size)]
  for (let n = 0; n < length; n++) {
    kernelRe[n] = cos[squares[n]!]!
    kernelIm[n] = -sin[squares[n]!]!
    if (n > 0) {
      kernelRe[size - n] = kernelRe[n]!
      kernelIm[size - n] = kernelIm[n]!
    }
  }
  forward(kernelRe, kernelIm)
  const [workRe, workIm] = [new Float64Array(size), new Float64Array(size)]
  return (re, im) => {
    workRe.fill(0)
    workIm.fill(0)
    for (let n = 0; n < length; n++) {
      const [c, s] = [cos[squares[n]!]!, sin[squares[n]!]!]
      workRe[n] = re[n]! * c - im[n]! * s
      workIm[n] = re[n]! * s + im[n]! * c
    }
    forward(workRe, workIm)
    for (let k = 0; k < size; k++) {
      const [a, b] = [workRe[k]!, workIm[k]!]
      workRe[k] = a * kernelRe[k]! - b * kernelIm[k]!
      workIm[k] = a * kernelIm[k]! + b * kernelRe[k]!
    }
    backward(workRe, workIm)
    for (let k = 0; k < length; k++) {
      const [c, s] = [cos[squares[k]!]!, sin[squares[k]!]!]
      re[k] = (workRe[k]! * c - workIm[k]! * s) / size
      im[k] = (workRe[k]! * s + workIm[k]! * c) / size
    }
  }
}
