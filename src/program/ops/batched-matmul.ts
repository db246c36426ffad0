import { type Dim, denseStrides, formatShape, sameDim } from '../dims.ts'
import { agree, check, f32, type Op, operand } from '../op.ts'

export interface BatchedMatmulAttributes {
  /** b is `[…, N, K]`. */
  readonly transposeB?: boolean
  /** Multiplies the product; 1 by default. */
  readonly scale?: number
}

export const MAX_BATCH_AXES = 6

/**
 * `y = scale · a · b + addend` with two activations: a `[…, M, K]`, b `[…, K, N]` or transposed, addend of any shape that
 * broadcasts to y `[…, M, N]`, or none. The axes before the last two broadcast.
 */
export const batchedMatmul: Op<BatchedMatmulAttributes> = {
  name: 'batched_matmul',
  operands: ['a', 'b', 'addend?'],
  infer([left, right, more], { transposeB = false }) {
    const op = 'batched_matmul'
    const a = operand(op, 'a', left, 'f32').shape
    const b = operand(op, 'b', right, 'f32').shape
    check(a.length >= 2 && b.length >= 2, op, `operands of shapes ${formatShape(a)} and ${formatShape(b)} are not matrices`)
    agree(op, 'inner dims', a.at(-1)!, b.at(transposeB ? -1 : -2)!)
    const shape = [...batchShape(a, b), a.at(-2)!, b.at(transposeB ? -2 : -1)!]
    check(shape.length - 2 <= MAX_BATCH_AXES, op, `${shape.length - 2} batch axes are more than ${MAX_BATCH_AXES}`)
    const addend = more && operand(op, 'addend', more, 'f32').shape
    const fits = addend?.every((size, axis) => size === 1 || sameDim(size, shape[axis - addend.length + shape.length] ?? 1)) ?? true
    check(fits && (addend?.length ?? 0) <= shape.length, op, `the addend does not broadcast to ${formatShape(shape)}`)
    return [{ dtype: 'f32', shape }]
  },
  run({ inputs: [left, right, more], outputs: [output], attributes: { transposeB = false, scale = 1 } }) {
    const [a, b, y] = [f32(left), f32(right), f32(output)]
    const addend = more && f32(more)
    const shape = output!.shape
    const [m, n, k] = [shape.at(-2)!, shape.at(-1)!, left!.shape.at(-1)!]
    const [kStep, nStep] = transposeB ? [1, k] : [n, 1]
    const aSteps = stepsIn(left!.shape, shape)
    const bSteps = stepsIn(right!.shape, shape)
    const addendSteps = more ? stepsIn(more.shape, shape) : []
    const place = (steps: readonly number[], row: number, column: number, batch: number): number => {
      let at = row * (steps.at(-2) ?? 0) + column * (steps.at(-1) ?? 0)
      for (let axis = shape.length - 3, rest = batch; axis >= 0; axis--) {
        at += (rest % shape[axis]!) * steps[axis]!
        rest = Math.floor(rest / shape[axis]!)
      }
      return at
    }
    for (let batch = 0; batch * m * n < y.length; batch++) {
      const aBegin = place(aSteps, 0, 0, batch)
      const bBegin = place(bSteps, 0, 0, batch)
      for (let r = 0; r < m; r++)
        for (let c = 0; c < n; c++) {
          let sum = 0
          for (let i = 0; i < k; i++) sum += a[aBegin + r * k + i]! * b[bBegin + i * kStep + c * nStep]!
          y[(batch * m + r) * n + c] = sum * scale + (addend ? addend[place(addendSteps, r, c, batch)]! : 0)
        }
    }
  },
}

function batchShape(a: readonly Dim[], b: readonly Dim[]): readonly Dim[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank - 2 }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1
    const y = b[axis - rank + b.length] ?? 1
    check(x === 1 || y === 1 || sameDim(x, y), 'batched_matmul', `batches of ${formatShape(a)} and ${formatShape(b)} do not broadcast`)
    return x === 1 ? y : x
  })
}

/** Strides of a tensor along the axes of the output, 0 where it repeats. */
function stepsIn(shape: readonly number[], to: readonly number[]): readonly number[] {
  const strides = denseStrides(shape) as readonly number[]
  const added = to.length - shape.length
  return to.map((_, axis) => (axis < added || shape[axis - added] === 1 ? 0 : strides[axis - added]!))
}
