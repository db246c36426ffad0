import type { Graph } from './graph.ts'
import { commonSubexpressions } from './rules/common-subexpressions.ts'
import { deadCode } from './rules/dead-code.ts'
import { expandQuantised } from './rules/expand-quantised.ts'
import { foldAllButWeights, foldConstants } from './rules/fold-constants.ts'
import { foldScaling } from './rules/fold-scaling.ts'
import { fuseEpilogue } from './rules/fuse-epilogue.ts'
import { moveCodes } from './rules/move-codes.ts'
import { nameActivations } from './rules/name-activations.ts'
import { nameAttention } from './rules/name-attention.ts'
import { nameNormalizations } from './rules/name-normalizations.ts'
import { nameQuantisedProducts } from './rules/name-quantised-products.ts'
import { nameScaledSums } from './rules/name-scaled-sums.ts'
import { nameShuffles } from './rules/name-shuffles.ts'
import { needlessCasts } from './rules/needless-casts.ts'
import { noOps } from './rules/no-ops.ts'
import { quantiseDequantise } from './rules/quantise-dequantise.ts'
import type { Rule } from './rules/rule.ts'
import { sinkMovements } from './rules/sink-movements.ts'
import { splitClassifiers } from './rules/split-classifiers.ts'

const RULES: readonly Rule[] = [
  foldAllButWeights,
  needlessCasts,
  noOps,
  commonSubexpressions,
  moveCodes,
  nameQuantisedProducts,
  nameScaledSums,
  expandQuantised,
  quantiseDequantise,
  // The floats of weights that are read as codes by now need not be computed.
  deadCode,
  foldConstants,
  foldScaling,
  splitClassifiers,
  nameNormalizations,
  nameActivations,
  nameAttention,
  nameShuffles,
  sinkMovements,
  noOps,
  fuseEpilogue,
  deadCode,
]

/** Applies every rule, in order. */
export async function optimize(graph: Graph): Promise<Graph> {
  let current = graph
  for (const rule of RULES) current = await rule.apply(current)
  return current
}
