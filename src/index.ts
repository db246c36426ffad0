/** Hence: the inference engine for TypeScript. */

export { forceTarget, targets } from './backends/index.ts'
export {
  type ChatMessage,
  type ChatOptions,
  type DType,
  type ElementArrayOf,
  type ElementType,
  ERRORS,
  type ErrorCode,
  type ErrorDetails,
  type FinishReason,
  type GenerateOptions,
  type Generation,
  type GenerationDelta,
  type GenerationResult,
  type GenerationTimings,
  HenceError,
  isHenceError,
  type LanguageModel,
  type MapValue,
  type MemoryDescription,
  type Model,
  type ModelDescription,
  type ModelValue,
  type OptionalValue,
  type RunOptions,
  type SamplingOptions,
  type SequenceValue,
  type Tensor,
  type TensorData,
  type TensorModel,
  type TensorModelDescription,
  type TokenizeOptions,
  type TypedArrayOf,
  tensor,
  type ValueDescription,
} from './core/index.ts'
export type { LoadProgress, Precision } from './llm/index.ts'
export { inspect, type LoadAnyOptions, type LoadOptions, type LoadTensorOptions, load, type TensorModelOptions } from './tasks/index.ts'
export { ChatTemplate, type Tokenizer, tokenizerFromJson } from './text/index.ts'
