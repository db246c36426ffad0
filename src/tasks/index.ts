export { inspect, type LoadOptions, load } from './load.ts'
