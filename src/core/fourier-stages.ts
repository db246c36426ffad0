/** Real and imaginary parts. */
export interface Complex {
  readonly re: Float64Array
  readonly im: Float64Array
}

/**
 * One stage of a transform whose length is a product: `count` groups of `radix` transforms of that length, `stride` beside each
 * other, whose results are turned and sorted. Stages with falling `count` and rising `stride` make a whole transform. Source:
 * T. G. Stockham, 1966.
 */
export interface Stage {
  readonly radix: number
  readonly count: number
  readonly stride: number
  /** e^(sign·2πi·p·j / (count · radix)) at p · radix + j. */
  readonly turns: Complex
  /** −1 forward, 1 inverse. */
  readonly sign: number
}

/** Runs a stage from one array into another. */
export function runStage(stage: Stage, from: Complex, to: Complex): void {
  if (stage.radix === 4) byFour(stage, from, to)
  else if (stage.radix === 5) byFive(stage, from, to)
  else byAny(stage, from, to)
}

function byFour({ count, stride, turns: { re: cos, im: sin }, sign }: Stage, { re, im }: Complex, { re: toRe, im: toIm }: Complex): void {
  const step = stride * count
  for (let p = 0; p < count; p++) {
    const [c1, s1, c2, s2, c3, s3] = [cos[4 * p + 1]!, sin[4 * p + 1]!, cos[4 * p + 2]!, sin[4 * p + 2]!, cos[4 * p + 3]!, sin[4 * p + 3]!]
    for (let q = 0, a = stride * p, y = 4 * stride * p; q < stride; q++, a++, y++) {
      const [b, c, d] = [a + step, a + 2 * step, a + 3 * step]
      const evenRe = re[a]! + re[c]!
      const evenIm = im[a]! + im[c]!
      const oddRe = re[a]! - re[c]!
      const oddIm = im[a]! - im[c]!
      const sumRe = re[b]! + re[d]!
      const sumIm = im[b]! + im[d]!
      const crossRe = -sign * (im[b]! - im[d]!)
      const crossIm = sign * (re[b]! - re[d]!)
      toRe[y] = evenRe + sumRe
      toIm[y] = evenIm + sumIm
      const [x1, y1, x2, y2] = [oddRe + crossRe, oddIm + crossIm, evenRe - sumRe, evenIm - sumIm]
      const [x3, y3] = [oddRe - crossRe, oddIm - crossIm]
      toRe[y + stride] = x1 * c1 - y1 * s1
      toIm[y + stride] = x1 * s1 + y1 * c1
      toRe[y + 2 * stride] = x2 * c2 - y2 * s2
      toIm[y + 2 * stride] = x2 * s2 + y2 * c2
      toRe[y + 3 * stride] = x3 * c3 - y3 * s3
      toIm[y + 3 * stride] = x3 * s3 + y3 * c3
    }
  }
}

const COS_1 = Math.cos((2 * Math.PI) / 5)
const COS_2 = Math.cos((4 * Math.PI) / 5)
const SIN_1 = Math.sin((2 * Math.PI) / 5)
const SIN_2 = Math.sin((4 * Math.PI) / 5)

function byFive({ count, stride, turns: { re: cos, im: sin }, sign }: Stage, { re, im }: Complex, { re: toRe, im: toIm }: Complex): void {
  const step = stride * count
  for (let p = 0; p < count; p++)
    for (let q = 0, a = stride * p, y = 5 * stride * p; q < stride; q++, a++, y++) {
      const [b, c, d, e] = [a + step, a + 2 * step, a + 3 * step, a + 4 * step]
      const outerRe = re[b]! + re[e]!
      const outerIm = im[b]! + im[e]!
      const innerRe = re[c]! + re[d]!
      const innerIm = im[c]! + im[d]!
      const outerGapRe = re[b]! - re[e]!
      const outerGapIm = im[b]! - im[e]!
      const innerGapRe = re[c]! - re[d]!
      const innerGapIm = im[c]! - im[d]!
      const firstRe = re[a]! + outerRe * COS_1 + innerRe * COS_2
      const firstIm = im[a]! + outerIm * COS_1 + innerIm * COS_2
      const secondRe = re[a]! + outerRe * COS_2 + innerRe * COS_1
      const secondIm = im[a]! + outerIm * COS_2 + innerIm * COS_1
      const firstGapRe = -sign * (outerGapIm * SIN_1 + innerGapIm * SIN_2)
      const firstGapIm = sign * (outerGapRe * SIN_1 + innerGapRe * SIN_2)
      const secondGapRe = -sign * (outerGapIm * SIN_2 - innerGapIm * SIN_1)
      const secondGapIm = sign * (outerGapRe * SIN_2 - innerGapRe * SIN_1)
      toRe[y] = re[a]! + outerRe + innerRe
      toIm[y] = im[a]! + outerIm + innerIm
      turn(firstRe + firstGapRe, firstIm + firstGapIm, cos[5 * p + 1]!, sin[5 * p + 1]!, y + stride, toRe, toIm)
      turn(secondRe + secondGapRe, secondIm + secondGapIm, cos[5 * p + 2]!, sin[5 * p + 2]!, y + 2 * stride, toRe, toIm)
      turn(secondRe - secondGapRe, secondIm - secondGapIm, cos[5 * p + 3]!, sin[5 * p + 3]!, y + 3 * stride, toRe, toIm)
      turn(firstRe - firstGapRe, firstIm - firstGapIm, cos[5 * p + 4]!, sin[5 * p + 4]!, y + 4 * stride, toRe, toIm)
    }
}

/** to[at] = (x + iy) · (c + is) */
function turn(x: number, y: number, c: number, s: number, at: number, toRe: Float64Array, toIm: Float64Array): void {
  toRe[at] = x * c - y * s
  toIm[at] = x * s + y * c
}

function byAny({ radix, count, stride, turns, sign }: Stage, from: Complex, to: Complex): void {
  const cos = Float64Array.from({ length: radix }, (_, k) => Math.cos((2 * Math.PI * k) / radix))
  const sin = Float64Array.from({ length: radix }, (_, k) => sign * Math.sin((2 * Math.PI * k) / radix))
  for (let p = 0; p < count; p++)
    for (let q = 0; q < stride; q++)
      for (let j = 0; j < radix; j++) {
        let [sumRe, sumIm] = [0, 0]
        for (let k = 0, at = q + stride * p, root = 0; k < radix; k++, at += stride * count, root = (root + j) % radix) {
          sumRe += from.re[at]! * cos[root]! - from.im[at]! * sin[root]!
          sumIm += from.re[at]! * sin[root]! + from.im[at]! * cos[root]!
        }
        turn(sumRe, sumIm, turns.re[p * radix + j]!, turns.im[p * radix + j]!, q + stride * (radix * p + j), to.re, to.im)
      }
}
