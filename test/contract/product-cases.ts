import type { DenseAttentionAttributes } from '../../src/program/index.ts'
import { CaseBuilder, type ContractCase } from './case.ts'

function products(): ContractCase[] {
  const shapes: readonly { a: readonly number[]; b: readonly number[]; t?: boolean; addend?: readonly number[] }[] = [
    { a: [1, 1], b: [1, 1] },
    { a: [5, 7], b: [7, 3], addend: [3] },
    { a: [2, 3, 33, 20], b: [2, 3, 20, 50] },
    { a: [2, 3, 33, 20], b: [2, 3, 50, 20], t: true, addend: [2, 1, 1, 50] },
    { a: [4, 17, 64], b: [64, 65], addend: [4, 17, 65] },
    { a: [17, 64], b: [4, 64, 31], addend: [17, 1] },
    { a: [3, 1, 13, 40], b: [5, 40, 16], addend: [5, 13, 16] },
    { a: [12, 128, 64], b: [12, 128, 64], t: true },
    { a: [2, 128, 300], b: [2, 300, 64] },
    { a: [1, 300], b: [300, 500], addend: [500] },
    { a: [2, 300], b: [300, 150], addend: [2, 1] },
    { a: [1, 300], b: [500, 300], t: true },
    { a: [260, 290], b: [290, 210] },
    { a: [40, 290], b: [290, 16] },
  ]
  return shapes.map(({ a, b, t = false, addend }) => {
    const c = new CaseBuilder(`batched matmul ${JSON.stringify(a)} by ${JSON.stringify(b)}${t ? ' transposed' : ''}`)
    const operands = [c.input('a', a), c.input('b', b), addend && c.input('addend', addend)]
    c.builder.output('y', c.builder.op('batched_matmul', 'y', operands, { transposeB: t, scale: addend ? 1 : 0.125 }))
    return c.done()
  })
}

type Shape = Omit<DenseAttentionAttributes, 'scale'> & {
  readonly batch?: number
  readonly queries: number
  readonly keys: number
  readonly headDim: number
  readonly valueDim?: number
  readonly mask?: readonly number[]
  readonly headsFirst?: boolean
}

function attentions(): ContractCase[] {
  const shapes: readonly Shape[] = [
    { heads: 1, kvHeads: 1, queries: 1, keys: 1, headDim: 4 },
    { heads: 2, kvHeads: 2, queries: 7, keys: 19, headDim: 64, batch: 2 },
    { heads: 3, kvHeads: 1, queries: 50, keys: 50, headDim: 40, causal: 0 },
    { heads: 4, kvHeads: 2, queries: 61, keys: 77, headDim: 20, valueDim: 24, causal: 16, mask: [1, 1, 61, 77], headsFirst: true },
    { heads: 2, kvHeads: 2, queries: 197, keys: 197, headDim: 64, headsFirst: true },
    { heads: 2, kvHeads: 2, queries: 30, keys: 1100, headDim: 32, batch: 2, mask: [2, 1, 1, 1100] },
    { heads: 2, kvHeads: 1, queries: 3, keys: 600, headDim: 16, causal: 500, mask: [1, 2, 3, 600] },
  ]
  return shapes.map(shape => {
    const { batch = 1, heads, kvHeads, queries, keys, headDim, valueDim = headDim, mask, headsFirst = false, causal } = shape
    const c = new CaseBuilder(`dense attention ${JSON.stringify(shape)}`)
    const of = (count: number, tokens: number, width: number) =>
      headsFirst ? [batch, count, tokens, width] : [batch, tokens, count * width]
    const operands = [
      c.input('q', of(heads, queries, headDim)),
      c.input('k', of(kvHeads, keys, headDim)),
      c.input('v', of(kvHeads, keys, valueDim)),
      mask && c.input('mask', mask),
    ]
    const attributes = { heads, kvHeads, scale: headDim ** -0.5, ...(causal === undefined ? {} : { causal }) }
    c.builder.output('y', c.builder.op('dense_attention', 'y', operands, attributes))
    return c.done()
  })
}

function takes(): ContractCase[] {
  return (
    [
      [[9, 5], 0],
      [[9, 5], 1],
      [[3, 7, 40], 1],
      [[3, 7, 130], 2],
    ] as const
  ).map(([shape, axis]) => {
    const c = new CaseBuilder(`take along axis ${axis} of ${shape}`)
    c.builder.output('y', c.builder.op('take', 'y', [c.input('x', shape), c.indices('ids', [4, 0, -1, 2, 2, -3])], { axis }))
    return c.done()
  })
}

function softmaxes(): ContractCase[] {
  return (
    [
      [[7, 33], 0],
      [[3, 5, 20], 1],
      [[2, 8400, 4], 1],
    ] as const
  ).map(([shape, axis]) => {
    const c = new CaseBuilder(`softmax along axis ${axis} of ${shape}`)
    c.builder.output('y', c.builder.op('softmax', 'y', [c.input('x', shape, 3)], { axis }))
    return c.done()
  })
}

export const productCases: readonly ContractCase[] = [...products(), ...attentions(), ...takes(), ...softmaxes()]
