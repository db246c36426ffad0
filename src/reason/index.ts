export * from './bayes/index.ts'
