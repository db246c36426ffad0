export type { ApproximationDiagnostics } from './approximate-answer.ts'
export {
  BayesNet,
  type BestOptions,
  type JointPosterior,
  type ProbableAssignment,
  type QueryOptions,
  type QuestionOptions,
} from './bayes-net.ts'
export { CompiledNetwork, type CompileOptions } from './compiled-network.ts'
export type { Finding, Given } from './evidence.ts'
export type { ExplainOptions, Explanation, FindingInfluence } from './explain.ts'
export type { DataRow, LearnOptions, LearntNetwork } from './learn-tables.ts'
export { type LearnTreeOptions, learnTree } from './learn-tree.ts'
export type { MostRelevantOptions, RelevantExplanation } from './most-relevant.ts'
export { type BayesianNetwork, buildNetwork, type DiscreteVariable } from './network.ts'
export type { NetworkTool, NetworkToolAnswer, NetworkToolOptions } from './network-tool.ts'
export { detailsOf, type Posteriors, type QueryDetails } from './posteriors.ts'
export { type PosteriorsJson, posteriorsToJson } from './posteriors-json.ts'
export type { ExactCost, QueryCost } from './query-cost.ts'
export type { RowReport } from './read-table.ts'
export type { ParameterSensitivity, SensitivityOptions } from './sensitivity.ts'
export { softEvidence } from './soft-evidence.ts'
