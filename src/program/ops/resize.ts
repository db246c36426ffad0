import type { BufferType } from '../buffer.ts'
import { agree, check, f32, i32, knownDim, type Op, operand } from '../op.ts'
import { imageOperand } from './window.ts'

/**
 * Images of another size: `y[b, i, j] = Σ rowWeights[i, s] · columnWeights[j, t] · x[b, rows[i, s], columns[j, t]]`. Without
 * weights, which both axes have or lack, every pixel of y is a copy of one of x.
 *
 * Operands: x `[B, H, W, C]`, rows `[OH, S]` i32 and rowWeights `[OH, S]` or none, columns `[OW, T]` i32 and columnWeights
 * `[OW, T]` or none; S and T are 1 without weights. Positions lie inside the image. Output: `[B, OH, OW, C]`.
 */
export const resize: Op = {
  name: 'resize',
  operands: ['x', 'rows', 'rowWeights?', 'columns', 'columnWeights?'],
  infer([x, rows, rowWeights, columns, columnWeights]) {
    const [batch, height, width, channels] = imageOperand('resize', 'x', x)
    for (const [what, dim] of Object.entries({ height, width, channels })) knownDim('resize', what, dim)
    check((rowWeights === undefined) === (columnWeights === undefined), 'resize', 'both axes need weights, or neither')
    return [{ dtype: 'f32', shape: [batch, positions('rows', rows, rowWeights), positions('columns', columns, columnWeights), channels] }]
  },
  run({ inputs: [input, rowTable, rowWeights, columnTable, columnWeights], outputs: [output] }) {
    const [x, y, rows, columns] = [f32(input), f32(output), i32(rowTable), i32(columnTable)]
    const [, height, width, channels] = input!.shape as [number, number, number, number]
    const [, outHeight, outWidth] = output!.shape as [number, number, number, number]
    const [rowTaps, columnTaps] = [rowTable!.shape[1]!, columnTable!.shape[1]!]
    for (let at = 0; at < y.length; at++) {
      const channel = at % channels
      const pixel = (at - channel) / channels
      const j = pixel % outWidth
      const row = Math.floor(pixel / outWidth)
      const i = row % outHeight
      const image = Math.floor(row / outHeight) * height
      let sum = 0
      for (let s = i * rowTaps; s < (i + 1) * rowTaps; s++) {
        let line = 0
        for (let t = j * columnTaps; t < (j + 1) * columnTaps; t++)
          line += x[((image + rows[s]!) * width + columns[t]!) * channels + channel]! * (columnWeights ? f32(columnWeights)[t]! : 1)
        sum += line * (rowWeights ? f32(rowWeights)[s]! : 1)
      }
      y[at] = sum
    }
  },
}

function positions(name: string, table: BufferType | undefined, weights: BufferType | undefined): number {
  const { shape } = operand('resize', name, table, 'i32', 2)
  const [count, taps] = shape.map(dim => knownDim('resize', name, dim)) as [number, number]
  check(taps >= 1 && (weights !== undefined || taps === 1), 'resize', `${taps} ${name} for each of y, without weights`)
  if (weights)
    for (const [axis, dim] of operand('resize', `weights of ${name}`, weights, 'f32', 2).shape.entries())
      agree('resize', `${name} and their weights`, dim, shape[axis]!)
  return count
}
