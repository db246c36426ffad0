import { producedDim, productDim } from '../dims.ts'
import { check, i32, type Op } from '../op.ts'

export interface NonzeroAttributes {
  /** Name of the produced dim: how many elements are not zero. */
  readonly count: string
}

/** Flat positions of the elements of x (any numeric dtype) that are not zero, ascending → `[count]` i32. */
export const nonzero: Op<NonzeroAttributes> = {
  name: 'nonzero',
  operands: ['x'],
  infer([x], { count }) {
    check(x !== undefined, 'nonzero', 'operand x is missing')
    return [{ dtype: 'i32', shape: [producedDim(count, productDim(...x.shape))] }]
  },
  run({ inputs: [x], outputs: [y], attributes: { count }, produce }) {
    const positions = i32(y)
    let found = 0
    // `Number` so that 64-bit integers compare too.
    for (let i = 0; i < x!.data.length; i++) if (Number(x!.data[i]) !== 0) positions[found++] = i
    produce(count, found)
  },
}
