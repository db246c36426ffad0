import type { Dim } from '../dims.ts'
import { denseStrides } from '../dims.ts'
import { check, f32, type Op, operand } from '../op.ts'

export type ReduceKind = 'sum' | 'mean' | 'max' | 'min' | 'prod' | 'sum_square' | 'l1' | 'l2' | 'log_sum' | 'log_sum_exp'

export interface ReduceAttributes {
  readonly kind: ReduceKind
  /** Axes of x that are reduced; none gives y = x for sums. */
  readonly axes: readonly number[]
  /** Reduced axes stay with size 1. */
  readonly keepAxes?: boolean
}

export const MAX_REDUCE_AXES = 8

interface Reduction {
  readonly initial: number
  readonly join: (sum: number, x: number) => number
  readonly finish?: (sum: number, count: number) => number
}

const SUM = { initial: 0, join: (sum: number, x: number) => sum + x }

/** The definition of each kind; `log_sum_exp` works on x less the largest. */
export const REDUCTIONS: Readonly<Record<ReduceKind, Reduction>> = {
  sum: SUM,
  mean: { ...SUM, finish: (sum, count) => sum / count },
  max: { initial: -Infinity, join: Math.max },
  min: { initial: Infinity, join: Math.min },
  prod: { initial: 1, join: (product, x) => product * x },
  sum_square: { initial: 0, join: (sum, x) => sum + x * x },
  l1: { initial: 0, join: (sum, x) => sum + Math.abs(x) },
  l2: { initial: 0, join: (sum, x) => sum + x * x, finish: Math.sqrt },
  log_sum: { ...SUM, finish: Math.log },
  log_sum_exp: { initial: 0, join: (sum, x) => sum + Math.exp(x), finish: Math.log },
}

/** Reduces x f32 over a set of axes. */
export const reduce: Op<ReduceAttributes> = {
  name: 'reduce',
  operands: ['x'],
  infer([x], { kind, axes, keepAxes = false }) {
    const { shape } = operand('reduce', 'x', x, 'f32')
    check(kind in REDUCTIONS, 'reduce', `unknown kind ${kind}`)
    check(shape.length <= MAX_REDUCE_AXES, 'reduce', `${shape.length} axes are more than ${MAX_REDUCE_AXES}`)
    check(
      axes.every((axis, i) => Number.isInteger(axis) && axis >= 0 && axis < shape.length && axes.indexOf(axis) === i),
      'reduce',
      `axes ${axes} of a tensor with ${shape.length}`,
    )
    const kept = shape.flatMap((size, axis): Dim[] => (axes.includes(axis) ? (keepAxes ? [1] : []) : [size]))
    return [{ dtype: 'f32', shape: kept }]
  },
  run({ inputs: [input], outputs: [output], attributes: { kind, axes } }) {
    const { initial, join, finish } = REDUCTIONS[kind]
    const x = f32(input)
    const y = f32(output)
    const { shape } = input!
    const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    const strides = denseStrides(kept).map((stride, axis) => (axes.includes(axis) ? 0 : (stride as number)))
    const place = (i: number): number => {
      let at = 0
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        at += (i % shape[axis]!) * strides[axis]!
        i = Math.floor(i / shape[axis]!)
      }
      return at
    }
    const largest = new Float64Array(y.length).fill(kind === 'log_sum_exp' ? -Infinity : 0)
    if (kind === 'log_sum_exp') for (let i = 0; i < x.length; i++) largest[place(i)] = Math.max(largest[place(i)]!, x[i]!)
    const shift = largest.map(value => (Number.isFinite(value) ? value : 0))
    const sums = new Float64Array(y.length).fill(initial)
    for (let i = 0; i < x.length; i++) {
      const at = place(i)
      sums[at] = join(sums[at]!, x[i]! - shift[at]!)
    }
    for (let i = 0; i < y.length; i++) y[i] = (finish ? finish(sums[i]!, x.length / y.length) : sums[i]!) + shift[i]!
  },
}
