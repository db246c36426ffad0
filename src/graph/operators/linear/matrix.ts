/** A matrix inside an array of doubles: element (row, column) is at `offset + row·rowStride + column·columnStride`. */
export interface Matrix {
  readonly data: Float64Array
  readonly offset: number
  readonly rowStride: number
  readonly columnStride: number
}

/** A dense row-major matrix of `columns` columns. */
export function denseMatrix(data: Float64Array, columns: number, offset = 0): Matrix {
  return { data, offset, rowStride: columns, columnStride: 1 }
}

/** The same elements with rows and columns exchanged. */
export function transposed({ data, offset, rowStride, columnStride }: Matrix): Matrix {
  return { data, offset, rowStride: columnStride, columnStride: rowStride }
}

/** Rows of the left operand packed at a time. */
const ROW_BLOCK = 256

/**
 * `target += a · b` for a of m×k and b of k×n, both with any strides; target rows are contiguous.
 *
 * Panels of four columns of b and four rows of a are packed so that the inner loop reads memory in order and keeps sixteen sums.
 */
export function multiplyAdd(target: Matrix, a: Matrix, b: Matrix, m: number, k: number, n: number): void {
  if (m < 4) {
    for (let row = 0; row < m; row++) multiplyRow(target, a, b, row, k, n)
    return
  }
  const left = new Float64Array(Math.min(ROW_BLOCK, Math.ceil(m / 4) * 4) * k)
  const right = new Float64Array(4 * k)
  for (let first = 0; first < m; first += ROW_BLOCK) {
    const rows = Math.min(ROW_BLOCK, m - first)
    for (let row = 0; row < rows; row += 4)
      packPanel(left, row * k, a.data, a.offset + (first + row) * a.rowStride, a.rowStride, a.columnStride, Math.min(4, rows - row), k)
    for (let column = 0; column < n; column += 4) {
      const width = Math.min(4, n - column)
      packPanel(right, 0, b.data, b.offset + column * b.columnStride, b.columnStride, b.rowStride, width, k)
      for (let row = 0; row < rows; row += 4) {
        multiplyTile(left, row * k, right, k)
        addTile(target, first + row, column, Math.min(4, rows - row), width)
      }
    }
  }
}

/** Four lanes side by side: `panel[at + 4·i + lane]`; lanes beyond `lanes` are zero. */
function packPanel(
  panel: Float64Array,
  at: number,
  data: Float64Array,
  offset: number,
  laneStride: number,
  stride: number,
  lanes: number,
  count: number,
): void {
  if (lanes < 4) panel.fill(0, at, at + 4 * count)
  for (let lane = 0; lane < lanes; lane++) {
    let read = offset + lane * laneStride
    for (let write = at + lane, end = at + 4 * count; write < end; write += 4) {
      panel[write] = data[read]!
      read += stride
    }
  }
}

const tile = new Float64Array(16)

function multiplyTile(left: Float64Array, at: number, right: Float64Array, k: number): void {
  let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0]
  let [s20, s21, s22, s23, s30, s31, s32, s33] = [0, 0, 0, 0, 0, 0, 0, 0]
  for (let p = 0, q = at, end = 4 * k; p < end; p += 4, q += 4) {
    const b0 = right[p]!
    const b1 = right[p + 1]!
    const b2 = right[p + 2]!
    const b3 = right[p + 3]!
    const a0 = left[q]!
    s00 += a0 * b0
    s01 += a0 * b1
    s02 += a0 * b2
    s03 += a0 * b3
    const a1 = left[q + 1]!
    s10 += a1 * b0
    s11 += a1 * b1
    s12 += a1 * b2
    s13 += a1 * b3
    const a2 = left[q + 2]!
    s20 += a2 * b0
    s21 += a2 * b1
    s22 += a2 * b2
    s23 += a2 * b3
    const a3 = left[q + 3]!
    s30 += a3 * b0
    s31 += a3 * b1
    s32 += a3 * b2
    s33 += a3 * b3
  }
  tile[0] = s00
  tile[1] = s01
  tile[2] = s02
  tile[3] = s03
  tile[4] = s10
  tile[5] = s11
  tile[6] = s12
  tile[7] = s13
  tile[8] = s20
  tile[9] = s21
  tile[10] = s22
  tile[11] = s23
  tile[12] = s30
  tile[13] = s31
  tile[14] = s32
  tile[15] = s33
}

function addTile(target: Matrix, row: number, column: number, height: number, width: number): void {
  const { data } = target
  for (let i = 0; i < height; i++) {
    const at = target.offset + (row + i) * target.rowStride + column
    for (let j = 0; j < width; j++) data[at + j]! += tile[4 * i + j]!
  }
}

/** One row of the product, without packing: along rows of b where they are contiguous, along its columns otherwise. */
function multiplyRow(target: Matrix, a: Matrix, b: Matrix, row: number, k: number, n: number): void {
  const out = target.data
  const start = target.offset + row * target.rowStride
  const left = a.offset + row * a.rowStride
  if (b.columnStride === 1) {
    for (let i = 0; i < k; i++) {
      const factor = a.data[left + i * a.columnStride]!
      const read = b.offset + i * b.rowStride
      for (let j = 0; j < n; j++) out[start + j]! += factor * b.data[read + j]!
    }
    return
  }
  for (let j = 0; j < n; j++) {
    let sum = 0
    let read = b.offset + j * b.columnStride
    for (let i = 0; i < k; i++, read += b.rowStride) sum += a.data[left + i * a.columnStride]! * b.data[read]!
    out[start + j]! += sum
  }
}
