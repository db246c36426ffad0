import type { ConvMethod } from './conv-plan.ts'

/** A weight laid out for a method: packed as one matrix of rows (filters) of `k`. */
export interface ConvForm {
  readonly conv: ConvMethod
  readonly groups: number
}

/** Sizes of a convolution's weight `[n, kernel height, kernel width, depth]`. */
type WeightShape = readonly [n: number, kernelHeight: number, kernelWidth: number, depth: number]

const COLUMNS = 16

/** Rows and row length of the matrix that {@link convRows} makes. */
export function convMatrix({ conv, groups }: ConvForm, [n, height, width, depth]: WeightShape): { n: number; k: number } {
  const taps = height * width
  switch (conv) {
    case 'dense':
      return { n: groups * panelRows(n / groups), k: taps * depth }
    case 'lanes':
      return { n: COLUMNS, k: Math.ceil(n / laneFilters(n / groups)) * taps * depth }
    case 'winograd':
      return { n: POINTS.length ** 2 * panelRows(n), k: depth }
  }
}

/**
 * The matrix of a weight `[n, kernel height, kernel width, depth]`, row-major. Dense: the filters, each group filled up to
 * whole panels with zeros. Lanes: row l holds filter l of every block of lanes, one after the other. Winograd: for each of
 * 36 points the filters evaluated there, filled up to whole panels.
 */
export function convRows(form: ConvForm, shape: WeightShape, weight: Float32Array): Float32Array {
  const [filters, height, width, depth] = shape
  const { n, k } = convMatrix(form, shape)
  const rows = new Float32Array(n * k)
  const size = height * width * depth
  const groupFilters = filters / form.groups
  for (let filter = 0; filter < filters; filter++) {
    const values = weight.subarray(filter * size, (filter + 1) * size)
    if (form.conv === 'dense') {
      const group = Math.floor(filter / groupFilters)
      rows.set(values, (group * panelRows(groupFilters) + (filter % groupFilters)) * k)
    } else if (form.conv === 'lanes') {
      const lanes = laneFilters(groupFilters)
      rows.set(values, (filter % lanes) * k + Math.floor(filter / lanes) * size)
    } else evaluateFilter(values, depth, rows.subarray(filter * k), panelRows(filters) * k)
  }
  return rows
}

function panelRows(n: number): number {
  return Math.ceil(n / COLUMNS) * COLUMNS
}

/** Filters of whole groups that fit into the lanes of a vector. */
function laneFilters(groupFilters: number): number {
  return Math.floor(COLUMNS / groupFilters) * groupFilters
}

/**
 * A filter of three taps at the points 0, ±√½, ±√2 and infinity, scaled so that the evaluation of the image has ones.
 * Source: Toom–Cook as in Lavin & Gray 2016; see native/kernels/conv-winograd.h for the other two matrices.
 */
const POINTS: readonly (readonly [number, number, number])[] = [
  [1, 0, 0],
  [-2 / 3, -Math.SQRT2 / 3, -1 / 3],
  [-2 / 3, Math.SQRT2 / 3, -1 / 3],
  [1 / 6, Math.SQRT2 / 6, 1 / 3],
  [1 / 6, -Math.SQRT2 / 6, 1 / 3],
  [0, 0, 1],
]

/** Writes a 3x3 filter of `depth` channels at each of 36 points, `step` numbers apart. */
function evaluateFilter(filter: Float32Array, depth: number, to: Float32Array, step: number): void {
  const columns = new Float64Array(3 * depth)
  for (let i = 0; i < POINTS.length; i++) {
    const [a0, a1, a2] = POINTS[i]!
    for (let c = 0; c < 3 * depth; c++) columns[c] = a0 * filter[c]! + a1 * filter[3 * depth + c]! + a2 * filter[6 * depth + c]!
    for (let j = 0; j < POINTS.length; j++) {
      const [b0, b1, b2] = POINTS[j]!
      const at = (i * POINTS.length + j) * step
      for (let c = 0; c < depth; c++) to[at + c] = b0 * columns[c]! + b1 * columns[depth + c]! + b2 * columns[2 * depth + c]!
    }
  }
}
