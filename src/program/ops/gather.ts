import { HenceError } from '../../core/index.ts'
import { check, i32, type Op, operand } from '../op.ts'

/** Rows of a table by index: `y[i] = table[indices[i]]`; table `[N, …]` of any dtype, indices `[M]` i32, y `[M, …]`. */
export const gather: Op = {
  name: 'gather',
  operands: ['table', 'indices'],
  infer([table, indices]) {
    check(table !== undefined && table.shape.length >= 1, 'gather', 'operand table is missing or a scalar')
    return [{ dtype: table.dtype, shape: [operand('gather', 'indices', indices, 'i32', 1).shape[0]!, ...table.shape.slice(1)] }]
  },
  run({ inputs: [table, indices], outputs: [y] }) {
    const width = table!.data.length / table!.shape[0]!
    for (const [i, row] of i32(indices).entries()) {
      if (row < 0 || row >= table!.shape[0]!)
        throw new HenceError('PROGRAM_INVALID', `gather: index ${row} is outside the table of ${table!.shape[0]} rows`, { row })
      // Same dtype by `infer`; the union type cannot say so.
      y!.data.set(table!.data.subarray(row * width, (row + 1) * width) as never, i * width)
    }
  },
}
