import { check, f32, i32, knownDim, type Op, operand } from '../op.ts'

export interface RotaryTableAttributes {
  /** Multiplies cosines and sines (YaRN's attention factor); 1 by default. */
  readonly scale?: number
}

/**
 * Cosines and sines of rotary positions: positions `[T]` i32, frequencies `[H]` f32 → `[T, 2H]`, H cosines then H
 * sines. The angle is rounded to f32, as the models were trained. Source: Su et al. 2021 (RoFormer).
 */
export const rotaryTable: Op<RotaryTableAttributes> = {
  name: 'rotary_table',
  operands: ['positions', 'frequencies'],
  infer([positions, frequencies]) {
    const half = knownDim('rotary_table', 'frequencies', operand('rotary_table', 'frequencies', frequencies, 'f32', 1).shape[0])
    return [{ dtype: 'f32', shape: [operand('rotary_table', 'positions', positions, 'i32', 1).shape[0]!, 2 * half] }]
  },
  run({ inputs: [positions, frequencies], outputs: [output], attributes: { scale = 1 } }) {
    const f = f32(frequencies)
    const y = f32(output)
    for (const [t, position] of i32(positions).entries())
      for (let i = 0; i < f.length; i++) {
        const angle = Math.fround(position * f[i]!)
        y[(2 * t + 0) * f.length + i] = Math.cos(angle) * scale
        y[(2 * t + 1) * f.length + i] = Math.sin(angle) * scale
      }
  },
}

export interface RopeAttributes {
  readonly headDim: number
  /** `half` turns (i, i + H) together, `interleaved` (2i, 2i + 1). */
  readonly style: 'half' | 'interleaved'
}

/** Turns the first 2H numbers of every head of x `[T, heads · headDim]` by table `[T, 2H]`; the rest passes through. */
export const rope: Op<RopeAttributes> = {
  name: 'rope',
  operands: ['x', 'table'],
  infer([x, table], { headDim }) {
    const type = operand('rope', 'x', x, 'f32', 2)
    const width = knownDim('rope', 'x columns', type.shape[1])
    const turned = knownDim('rope', 'table columns', operand('rope', 'table', table, 'f32', 2).shape[1])
    check(width % headDim === 0, 'rope', `${width} columns are not whole heads of ${headDim}`)
    check(turned <= headDim, 'rope', `the table turns ${turned} numbers of a head of ${headDim}`)
    return [type]
  },
  run({ inputs: [input, table], outputs: [output], attributes: { headDim, style } }) {
    const x = f32(input)
    const y = f32(output)
    const turns = f32(table)
    const half = table!.shape[1]! / 2
    const width = input!.shape[1]!
    if (y !== x) y.set(x)
    for (let start = 0; start < x.length; start += headDim) {
      const row = Math.floor(start / width) * 2 * half
      for (let i = 0; i < half; i++) {
        const first = start + (style === 'half' ? i : 2 * i)
        const second = style === 'half' ? first + half : first + 1
        const a = x[first]!
        const b = x[second]!
        const cos = turns[row + i]!
        const sin = turns[row + half + i]!
        y[first] = a * cos - b * sin
        y[second] = b * cos + a * sin
      }
    }
  },
}
