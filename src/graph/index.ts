export { Attributes } from './attributes.ts'
export { type InterpretOptions, interpret } from './interpreter.ts'
export type { GraphTensor, MapValue, OptionalValue, SequenceValue, Value } from './operator.ts'
