export { checkOptions, type OptionRule } from './check-options.ts'
export { inspect, type LoadOptions, load } from './load.ts'
