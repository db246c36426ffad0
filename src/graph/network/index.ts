export type { IntegerOperand } from './arithmetic-builder.ts'
export type { NetworkOptions, NodeOptions, NodeOutputs } from './graph-builder.ts'
export { LayerBuilder } from './layer-builder.ts'
export type {
  AttentionOptions,
  BatchNormWeights,
  ConvOptions,
  NormOptions,
  PerAxis,
  PoolOptions,
  RecurrentWeights,
  WindowOptions,
} from './layer-options.ts'
export { NetworkValue, type Operand } from './network-value.ts'
export type { NodeAttributes } from './node-attributes.ts'
