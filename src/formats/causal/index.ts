export { looksLikeCausalGraph } from './looks-like-causal-graph.ts'
export { type CausalGraphData, type CausalGraphFile, readCausalGraph } from './read-causal-graph.ts'
