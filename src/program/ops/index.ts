import type { Op } from '../op.ts'
import { argmax } from './argmax.ts'
import { attention } from './attention.ts'
import { batchedMatmul } from './batched-matmul.ts'
import { causalConv } from './causal-conv.ts'
import { conv } from './conv.ts'
import { convTranspose } from './conv-transpose.ts'
import { copy } from './copy.ts'
import { cumulative } from './cumulative.ts'
import { denseAttention } from './dense-attention.ts'
import { extreme } from './extreme.ts'
import { gather } from './gather.ts'
import { groupNorm } from './group-norm.ts'
import { kvWrite } from './kv.ts'
import { map } from './map.ts'
import { matmul } from './matmul.ts'
import { nonzero } from './nonzero.ts'
import { norm } from './norm.ts'
import { pool } from './pool.ts'
import { quantisedConv } from './quantised-conv.ts'
import { quantisedMatmul } from './quantised-matmul.ts'
import { raggedAttention } from './ragged-attention.ts'
import { recurrent } from './recurrent.ts'
import { reduce } from './reduce.ts'
import { resize } from './resize.ts'
import { rope, rotaryTable } from './rope.ts'
import { route } from './route.ts'
import { scatterAdd } from './scatter-add.ts'
import { selectiveScan } from './selective-scan.ts'
import { softmax } from './softmax.ts'
import { take } from './take.ts'
import { topK } from './top-k.ts'
import { treeEnsemble } from './tree-ensemble.ts'

/** The instruction set. */
export const OPS: {
  readonly argmax: typeof argmax
  readonly attention: typeof attention
  readonly causal_conv: typeof causalConv
  readonly conv: typeof conv
  readonly batched_matmul: typeof batchedMatmul
  readonly conv_transpose: typeof convTranspose
  readonly copy: typeof copy
  readonly cumulative: typeof cumulative
  readonly dense_attention: typeof denseAttention
  readonly extreme: typeof extreme
  readonly gather: typeof gather
  readonly group_norm: typeof groupNorm
  readonly kv_write: typeof kvWrite
  readonly map: typeof map
  readonly matmul: typeof matmul
  readonly nonzero: typeof nonzero
  readonly norm: typeof norm
  readonly pool: typeof pool
  readonly quantised_conv: typeof quantisedConv
  readonly quantised_matmul: typeof quantisedMatmul
  readonly ragged_attention: typeof raggedAttention
  readonly recurrent: typeof recurrent
  readonly reduce: typeof reduce
  readonly resize: typeof resize
  readonly rope: typeof rope
  readonly rotary_table: typeof rotaryTable
  readonly route: typeof route
  readonly scatter_add: typeof scatterAdd
  readonly selective_scan: typeof selectiveScan
  readonly softmax: typeof softmax
  readonly take: typeof take
  readonly top_k: typeof topK
  readonly tree_ensemble: typeof treeEnsemble
} = {
  argmax,
  attention,
  causal_conv: causalConv,
  conv,
  batched_matmul: batchedMatmul,
  conv_transpose: convTranspose,
  copy,
  cumulative,
  dense_attention: denseAttention,
  extreme,
  gather,
  group_norm: groupNorm,
  kv_write: kvWrite,
  map,
  matmul,
  nonzero,
  norm,
  pool,
  quantised_conv: quantisedConv,
  quantised_matmul: quantisedMatmul,
  ragged_attention: raggedAttention,
  recurrent,
  reduce,
  resize,
  rope,
  rotary_table: rotaryTable,
  route,
  scatter_add: scatterAdd,
  selective_scan: selectiveScan,
  softmax,
  take,
  top_k: topK,
  tree_ensemble: treeEnsemble,
}

export type OpName = keyof typeof OPS

/** The attributes an op takes. */
export type AttributesOf<N extends OpName> = (typeof OPS)[N] extends Op<infer A> ? A : never

/** The op of a name, with its attributes as plain data. */
export function opOf(name: OpName): Op {
  return OPS[name] as unknown as Op
}
