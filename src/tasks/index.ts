export { inspect, type LoadAnyOptions, type LoadOptions, type LoadTensorOptions, load } from './load.ts'
export type { TensorModelOptions } from './open-tensor-model.ts'
