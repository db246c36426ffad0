import type { ConvTransposeAttributes } from '../../program/index.ts'

/** A weight laid out for a transposed convolution: the taps of each phase of the strides together. */
export interface ConvTransposeForm {
  readonly transposed: true
  readonly strides: readonly [number, number]
  readonly dilations: readonly [number, number]
  readonly groups: number
}

type WeightShape = readonly [n: number, kernelHeight: number, kernelWidth: number, depth: number]

const COLUMNS = 16
/** Numbers along k in a unit of a panel; see native/layouts.h. */
const UNIT = 32

/** The form of a transposed convolution's weight. */
export function convTransposeForm({ strides = [1, 1], dilations = [1, 1], groups = 1 }: ConvTransposeAttributes): ConvTransposeForm {
  return { transposed: true, strides, dilations, groups }
}

/** Rows and row length of the matrix that {@link convTransposeRows} makes. */
export function convTransposeMatrix(form: ConvTransposeForm, shape: WeightShape): { n: number; k: number } {
  const panels = Math.ceil(shape[0] / form.groups / COLUMNS) * form.groups
  return { n: COLUMNS, k: phases(form, shape).reduce((sum, taps) => sum + wholeUnits(taps.length * shape[3]), 0) * panels }
}

/**
 * The matrix of a weight `[n, kernel height, kernel width, depth]`, row-major: row l holds, phase after phase and panel after
 * panel of every group, filter l of the panel with the phase's taps, the last one first.
 */
export function convTransposeRows(form: ConvTransposeForm, shape: WeightShape, weight: Float32Array): Float32Array {
  const [filters, height, width, depth] = shape
  const { k } = convTransposeMatrix(form, shape)
  const rows = new Float32Array(COLUMNS * k)
  const groupFilters = filters / form.groups
  let at = 0
  for (const taps of phases(form, shape))
    for (let first = 0; first < filters; first += groupFilters)
      for (let panel = 0; panel < groupFilters; panel += COLUMNS) {
        for (let l = 0; l < Math.min(COLUMNS, groupFilters - panel); l++)
          for (const [i, tap] of taps.entries()) {
            const from = ((first + panel + l) * height * width + tap) * depth
            rows.set(weight.subarray(from, from + depth), l * k + at + i * depth)
          }
        at += wholeUnits(taps.length * depth)
      }
  return rows
}

/** For every phase, the flat numbers of its taps in the order they meet the pixels of x. */
function phases({ strides, dilations }: ConvTransposeForm, [, height, width]: WeightShape): readonly (readonly number[])[] {
  const along = (axis: 0 | 1, taps: number): readonly (readonly number[])[] =>
    Array.from({ length: strides[axis] }, (_, phase) =>
      Array.from({ length: taps }, (_, i) => taps - 1 - i).filter(tap => (tap * dilations[axis]) % strides[axis] === phase),
    )
  const across = along(1, width)
  return along(0, height).flatMap(rows => across.map(columns => rows.flatMap(row => columns.map(column => row * width + column))))
}

function wholeUnits(count: number): number {
  return Math.ceil(count / UNIT) * UNIT
}
