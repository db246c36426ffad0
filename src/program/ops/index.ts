import type { Op } from '../op.ts'
import { argmax } from './argmax.ts'
import { attention } from './attention.ts'
import { batchedMatmul } from './batched-matmul.ts'
import { conv } from './conv.ts'
import { convTranspose } from './conv-transpose.ts'
import { copy } from './copy.ts'
import { denseAttention } from './dense-attention.ts'
import { gather } from './gather.ts'
import { kvWrite } from './kv.ts'
import { map } from './map.ts'
import { matmul } from './matmul.ts'
import { nonzero } from './nonzero.ts'
import { norm } from './norm.ts'
import { pool } from './pool.ts'
import { quantisedConv } from './quantised-conv.ts'
import { quantisedMatmul } from './quantised-matmul.ts'
import { reduce } from './reduce.ts'
import { rope, rotaryTable } from './rope.ts'
import { route } from './route.ts'
import { scan } from './scan.ts'
import { scatterAdd } from './scatter-add.ts'
import { softmax } from './softmax.ts'
import { take } from './take.ts'

/** The instruction set. */
export const OPS: {
  readonly argmax: typeof argmax
  readonly attention: typeof attention
  readonly conv: typeof conv
  readonly batched_matmul: typeof batchedMatmul
  readonly conv_transpose: typeof convTranspose
  readonly copy: typeof copy
  readonly dense_attention: typeof denseAttention
  readonly gather: typeof gather
  readonly kv_write: typeof kvWrite
  readonly map: typeof map
  readonly matmul: typeof matmul
  readonly nonzero: typeof nonzero
  readonly norm: typeof norm
  readonly pool: typeof pool
  readonly quantised_conv: typeof quantisedConv
  readonly quantised_matmul: typeof quantisedMatmul
  readonly reduce: typeof reduce
  readonly rope: typeof rope
  readonly rotary_table: typeof rotaryTable
  readonly route: typeof route
  readonly scan: typeof scan
  readonly scatter_add: typeof scatterAdd
  readonly softmax: typeof softmax
  readonly take: typeof take
} = {
  argmax,
  attention,
  conv,
  batched_matmul: batchedMatmul,
  conv_transpose: convTranspose,
  copy,
  dense_attention: denseAttention,
  gather,
  kv_write: kvWrite,
  map,
  matmul,
  nonzero,
  norm,
  pool,
  quantised_conv: quantisedConv,
  quantised_matmul: quantisedMatmul,
  reduce,
  rope,
  rotary_table: rotaryTable,
  route,
  scan,
  scatter_add: scatterAdd,
  softmax,
  take,
}

export type OpName = keyof typeof OPS

/** The attributes an op takes. */
export type AttributesOf<N extends OpName> = (typeof OPS)[N] extends Op<infer A> ? A : never

/** The op of a name, with its attributes as plain data. */
export function opOf(name: OpName): Op {
  return OPS[name] as unknown as Op
}
