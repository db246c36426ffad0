export { type BayesianNetwork, buildNetwork, type DiscreteVariable } from './network.ts'
export type { RowReport } from './read-table.ts'
