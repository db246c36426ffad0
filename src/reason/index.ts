export * from './bayes/index.ts'
export * from './causal/index.ts'
export * from './pictures/index.ts'
