export { CausalGraph, type CausalGraphParts } from './causal-graph.ts'
export {
  type CausalAnswer,
  CausalModel,
  type CausalModelOptions,
  type CausalModelParts,
  causalModel,
  type EffectAnswer,
  type EffectStrategies,
  type Separation,
  type WhatIfAnswer,
} from './causal-model.ts'
export { type CausalQuery, isCausalQuery, parseIndependence, type QueryTerm } from './causal-query.ts'
export type { Case } from './counted-source.ts'
export type { EffectNumbers, EffectRow } from './effect-numbers.ts'
export type { Estimand } from './estimand.ts'
export type { EffectQuestion, Formula } from './estimand-text.ts'
export type { ObservedDistribution } from './evaluate-estimand.ts'
export type { EffectFormula, EffectMethod, Identification, NoFormula } from './find-formula.ts'
export { parseCausalGraph, printCausalGraph } from './graph-text.ts'
export type { Hedge } from './identify.ts'
export type { ListLimits } from './separators.ts'
