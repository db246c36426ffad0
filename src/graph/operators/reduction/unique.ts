import { checkShape, type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import {
  cellsOf,
  copyCells,
  gatherStrided,
  indexTensor,
  isWide,
  normalizeAxis,
  numbersOf,
  outputTensor,
  stridesOf,
} from '../support/index.ts'

/** Distinct elements, or distinct slices along an axis, with where they are. */
const unique: Operator = {
  domain: '',
  name: 'Unique',
  run: call => {
    const { attributes } = call
    const input = tensorInput(call, 0)
    const axis = attributes.has('axis') ? normalizeAxis(call, attributes.int('axis'), input.shape.length) : undefined
    // The axis first: slices become rows.
    const order = axis === undefined ? [] : [axis, ...input.shape.keys()].filter((at, position, all) => all.indexOf(at) === position)
    const rows = axis === undefined ? input : transposed(call, input, order)
    const rowCount = axis === undefined ? input.shape.reduce((count, size) => count * size, 1) : input.shape[axis]!
    const groups = groupRows(call, rows, rowCount, attributes.int('sorted', 1) !== 0)
    const { firsts, inverse, counts } = groups
    const shape = axis === undefined ? [firsts.length] : [firsts.length, ...rows.shape.slice(1)]
    const chosen = outputTensor(call, input.dtype, shape)
    const [from, to] = [cellsOf(rows), cellsOf(chosen)]
    const rowCells = rowCount === 0 ? 0 : from.data.length / rowCount
    for (const [rank, row] of firsts.entries()) copyCells(from.data, row * rowCells, to.data, rank * rowCells, rowCells)
    const back = order.map((_, at) => order.indexOf(at))
    const values = axis === undefined ? chosen : transposed(call, chosen, back)
    const index = (list: ArrayLike<number>): GraphTensor => indexTensor(call, [list.length], list)
    return [values, index(firsts), index(inverse), index(counts)]
  },
}

function transposed(call: OperatorCall, input: GraphTensor, order: readonly number[]): GraphTensor {
  const strides = stridesOf(input.shape)
  return gatherStrided(
    call,
    input,
    order.map(axis => input.shape[axis]!),
    order.map(axis => strides[axis]!),
  )
}

interface Groups {
  /** First row of each group, in the order of the output. */
  readonly firsts: readonly number[]
  /** Group of each row. */
  readonly inverse: Float64Array
  readonly counts: readonly number[]
}

/** Groups equal rows. */
function groupRows(call: OperatorCall, rows: GraphTensor, rowCount: number, isSorted: boolean): Groups {
  checkShape(rowCount < 2 ** 27, call, `${rowCount} elements are too many to sort`, { rowCount })
  const compare = rowComparator(call, rows, rowCount)
  const order = Array.from({ length: rowCount }, (_, row) => row).sort((a, b) => compare(a, b) || a - b)
  const groups: { first: number; members: number[] }[] = []
  for (const row of order) {
    const last = groups.at(-1)
    if (last && compare(last.first, row) === 0) last.members.push(row)
    else groups.push({ first: row, members: [row] })
  }
  if (!isSorted) groups.sort((a, b) => a.first - b.first)
  const inverse = new Float64Array(rowCount)
  for (const [rank, { members }] of groups.entries()) for (const row of members) inverse[row] = rank
  return { firsts: groups.map(({ first }) => first), inverse, counts: groups.map(({ members }) => members.length) }
}

/** Compares rows element by element; all NaN are one value, the greatest. */
function rowComparator(call: OperatorCall, rows: GraphTensor, rowCount: number): (a: number, b: number) => number {
  const isPlain = isWide(rows) || rows.dtype === 'string' || rows.dtype === 'c64' || rows.dtype === 'c128'
  const values = (isPlain ? rows.data : numbersOf(call, rows)) as ArrayLike<number | bigint | string>
  const length = rowCount === 0 ? 0 : values.length / rowCount
  return (a, b) => {
    for (let index = 0; index < length; index++) {
      const [x, y] = [values[a * length + index]!, values[b * length + index]!]
      if (x < y) return -1
      if (x > y) return 1
      const nans = Number(Number.isNaN(x)) - Number(Number.isNaN(y))
      if (nans !== 0) return nans
    }
    return 0
  }
}

/** Positions of the elements that are not 0, one column each: [rank, count]. */
const nonZero: Operator = {
  domain: '',
  name: 'NonZero',
  run: call => {
    const input = tensorInput(call, 0)
    const values = (isWide(input) || input.dtype === 'string' ? input.data : numbersOf(call, input)) as ArrayLike<number | bigint | string>
    const rank = input.shape.length
    let count = 0
    for (let index = 0; index < values.length; index++) if (values[index]) count++
    // NaN is falsy but not 0.
    for (let index = 0; index < values.length; index++) if (Number.isNaN(values[index])) count++
    const output = outputTensor(call, 'i64', [rank, count])
    const strides = stridesOf(input.shape)
    let column = 0
    for (let index = 0; index < values.length; index++) {
      if (!values[index] && !Number.isNaN(values[index])) continue
      for (let axis = 0; axis < rank; axis++)
        output.data[axis * count + column] = BigInt(Math.floor(index / strides[axis]!) % input.shape[axis]!)
      column++
    }
    return [output]
  },
}

/** Sets of elements and of positions. */
export const sets: readonly Operator[] = [unique, nonZero]
