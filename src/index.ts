/** Hence: the inference engine for TypeScript. */

export { forceTarget, targets } from './backends/index.ts'
export {
  type ChatMessage,
  type ChatOptions,
  type DType,
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
  type MemoryDescription,
  type Model,
  type ModelDescription,
  type SamplingOptions,
  type Tensor,
  type TensorData,
  type TokenizeOptions,
  type TypedArrayOf,
  tensor,
} from './core/index.ts'
export type { LoadProgress, Precision } from './llm/index.ts'
export { inspect, type LoadOptions, load } from './tasks/index.ts'
export { ChatTemplate, type Tokenizer, tokenizerFromJson } from './text/index.ts'
