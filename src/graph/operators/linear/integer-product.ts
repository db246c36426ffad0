import type { GraphTensor } from '../../operator.ts'

/** Element types whose products wrap around instead of rounding. */
export type WrappingType = 'i32' | 'u32' | 'i64' | 'u64'

/** True for element types that {@link multiplyIntegers} multiplies. */
export function isWrapping(dtype: string): dtype is WrappingType {
  return dtype === 'i32' || dtype === 'u32' || dtype === 'i64' || dtype === 'u64'
}

/** Where an integer matrix lies: element (row, column) is at `offset + row·rowStride + column·columnStride`. */
export interface IntegerOperand {
  readonly data: GraphTensor['data']
  readonly offset: number
  readonly rowStride: number
  readonly columnStride: number
}

/** The dense m×n product of two integer matrices modulo 2³² or 2⁶⁴, written at `offset` of `target`. */
export function multiplyIntegers(
  target: GraphTensor['data'],
  offset: number,
  a: IntegerOperand,
  b: IntegerOperand,
  m: number,
  k: number,
  n: number,
): void {
  const multiply = typeof target[0] === 'bigint' ? dotWide : dotNarrow
  const write = target as { [index: number]: number | bigint }
  for (let row = 0; row < m; row++)
    for (let column = 0; column < n; column++)
      write[offset + row * n + column] = multiply(a, a.offset + row * a.rowStride, b, b.offset + column * b.columnStride, k)
}

function dotNarrow(a: IntegerOperand, left: number, b: IntegerOperand, right: number, k: number): number {
  const x = a.data as Int32Array
  const y = b.data as Int32Array
  let sum = 0
  for (let i = 0; i < k; i++) sum = (sum + Math.imul(x[left + i * a.columnStride]!, y[right + i * b.rowStride]!)) | 0
  return sum
}

function dotWide(a: IntegerOperand, left: number, b: IntegerOperand, right: number, k: number): bigint {
  const x = a.data as BigInt64Array
  const y = b.data as BigInt64Array
  let sum = 0n
  for (let i = 0; i < k; i++) sum += x[left + i * a.columnStride]! * y[right + i * b.rowStride]!
  return sum
}
