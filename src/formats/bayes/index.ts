export { readNetworkText } from './network-text.ts'
export { readBif } from './read-bif.ts'
