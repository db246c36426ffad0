export * from './load-test/index.ts'
